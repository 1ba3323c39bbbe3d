"""Where metrics are written: metrics.csv always; TensorBoard, Weights & Biases and MLflow when asked."""
