"""The application, which Mayfly finds here since it lies beside manage.py, and its database.

The database is made once, when the function is deployed. Each request begins with a copy of it in /tmp.
"""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

from django.conf import settings  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()

from django.db import connection  # noqa: E402

from mayfly import on_restore  # noqa: E402
from shop.models import Item  # noqa: E402


def make_database() -> bytes:
    with connection.schema_editor() as editor:
        editor.create_model(Item)
    Item.objects.create(name="tea", price=3)
    connection.close()  # no file of /tmp may be open when the image is taken
    return Path(settings.DATABASES["default"]["NAME"]).read_bytes()


database = make_database()


@on_restore
def write_database() -> None:
    Path(settings.DATABASES["default"]["NAME"]).write_bytes(database)
