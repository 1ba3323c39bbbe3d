"""Published weights, from the Hugging Face hub or a folder, as weights of our own architectures."""
