"""How unsure a base model is, position by position, and which positions a meta-model is to score again."""
