"""Writing GGUF: settings, tokenizer, tensors and their number formats."""
