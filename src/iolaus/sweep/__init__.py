"""Many runs at once: a study asks for trials, workers run them, and whatever stops on the way can go on."""
