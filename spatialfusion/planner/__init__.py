"""From a prompt to scene text: plain sentences and instructions, read without a language model."""
