"""Defences that store an image more coarsely: grey levels, JPEG, fewer pixels."""
