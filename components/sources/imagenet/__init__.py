"""What is known of ImageNet: ILSVRC2012's tars, its labels and its words."""
