package resolve

// instead says what to use in place of packages that have native code. Where it can be read is in brackets.
var instead = map[string]string{
	"cryptography":       "hashlib, hmac and secrets are in the standard library; PyJWT signs with HS256 without it (pyjwt.readthedocs.io, Installation)",
	"httptools":          "uvicorn and others use h11 where it is missing (uvicorn.org, Installation)",
	"lxml":               "xml.etree is in the standard library; BeautifulSoup takes \"html.parser\" (beautiful-soup-4 docs, Installing a parser)",
	"mysqlclient":        "PyMySQL is pure (pymysql.readthedocs.io)",
	"orjson":             "json is in the standard library",
	"psycopg2":           "pg8000 is pure (pypi.org/project/pg8000)",
	"psycopg2-binary":    "pg8000 is pure (pypi.org/project/pg8000)",
	"pydantic-core":      "pydantic<2 has no native part (docs.pydantic.dev, 1.10, Install)",
	"ujson":              "json is in the standard library",
	"uvloop":             "asyncio has a loop of its own, which the sandbox brings",
	"watchfiles":         "nothing changes under a deployed function: leave it out; uvicorn[standard] asks for it, uvicorn does not",
	"websockets":         "functions have no websockets: leave it out; uvicorn[standard] asks for it, uvicorn does not",
	"greenlet":           "SQLAlchemy needs it for asyncio only (docs.sqlalchemy.org, Asyncio, Platform Installation Notes)",
	"ruamel-yaml-clib":   "ruamel.yaml works without it (yaml.dev, Install)",
	"backports-zoneinfo": "zoneinfo is in the standard library",
}

func hint(name string) string {
	if text := instead[name]; text != "" {
		return "; " + text
	}
	return ""
}
