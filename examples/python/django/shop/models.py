"""What is in the database."""

from django.db import models


class Item(models.Model):
    """Something that can be bought."""

    name = models.CharField(max_length=100)
    price = models.IntegerField()
