"""The proof: what the trained model was asked in training is asked again through what is served."""
