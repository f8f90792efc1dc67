"""The function by which a build of CPython is tried."""


def handler(request):
    return {"method": request.method}
