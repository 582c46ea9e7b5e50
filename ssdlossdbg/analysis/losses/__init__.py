"""The loss of a data set: what each batch, image and object of many files costs, put together batch by batch."""
