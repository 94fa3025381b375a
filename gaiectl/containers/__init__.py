"""Containers beside a cluster: engines that build images, and what our image is made of."""
