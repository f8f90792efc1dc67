package requirement

import (
	"fmt"
	"strings"
	"testing"
)

func TestProject(t *testing.T) {
	p, err := ParseProject("pyproject.toml", []byte(`
[project]
name = "My.App"
version = "1.0"
requires-python = ">=3.12"
dependencies = ["flask>=3", "click; sys_platform == 'wasi'"]
[project.optional-dependencies]
Async_X = ["starlette"]
all = ["my-app[async-x]", "jinja2"]
[dependency-groups]
test = ["pytest>=8", {include-group = "Typing.Group"}]
typing-group = ["mypy"]
[tool.x]
y = 1
`))
	check(t, err)
	equal(t, fmt.Sprint(p.Name, " ", p.Version, " ", p.RequiresPython, " ", p.Dependencies), `My.App 1.0 >=3.12 [flask>=3 click; sys_platform == "wasi"]`)
	equal(t, p.GroupNames(), []string{"test", "typing-group"})
	g, err := p.Group("Test")
	check(t, err)
	equal(t, fmt.Sprint(g), "[pytest>=8 mypy]")
	e, err := p.Extra("all")
	check(t, err)
	equal(t, fmt.Sprint(e), "[starlette jinja2]")
	_, err = p.Group("docs")
	wantError(t, err, ErrGroup, `pyproject.toml: dependency-groups: no group is called "docs": there are test, typing-group`)
	_, err = p.Extra("docs")
	wantError(t, err, ErrGroup, `no extra is called "docs": there are all, async-x`)
}

func TestProjectErrorsNameTheKey(t *testing.T) {
	for text, want := range map[string]struct {
		is   error
		text string
	}{
		"[project":                                                             {ErrProject, "p.toml:1: "},
		"[project]\nname = 'x'\nname = 'y'":                                    {ErrProject, "p.toml:3"},
		"[project]\nversion = '1'":                                             {ErrProject, "p.toml: project.name: it is missing"},
		"[project]\nname='x'\ndependencies = ['a', 'b c']":                     {ErrSpecifier, `p.toml: project.dependencies[1]: "c" is not a version specifier`},
		"[project]\nname='x'\ndependencies = 'a'":                              {ErrProject, `p.toml: project.dependencies: write a list: ["flask>=3", "click"]`},
		"[project]\nname='x'\ndependencies = [1]":                              {ErrProject, `p.toml: project.dependencies[0]: write it in quotes`},
		"[project]\nname='x'\ndynamic = ['dependencies']":                      {ErrProject, `p.toml: project.dynamic: dependencies is computed by a build`},
		"[project]\nname='x'\nrequires-python = 3":                             {ErrProject, `project.requires-python: write it in quotes: ">=3.12"`},
		"[project]\nname='x'\nrequires-python = '3'":                           {ErrSpecifier, `write ==3 for exactly this version`},
		"[project]\nname='x'\n[project.optional-dependencies]\na_b=[]\na-b=[]": {ErrProject, `the extra a-b is there twice`},
		"[dependency-groups]\na=[{include-group='b'}]\nb=[{include-group='c'}]\nc=[{include-group='b'}]": {ErrGroup, `it includes itself: b -> c -> b`},
		"[dependency-groups]\na=[{include-group='x'}]":                                                   {ErrGroup, `no group is called "x": there are a`},
		"[dependency-groups]\na=[{other='x'}]":                                                           {ErrProject, `dependency-groups.a[0]: a table here is {include-group = "NAME"}`},
		"[dependency-groups]\na=['b c']":                                                                 {ErrSpecifier, `dependency-groups.a[0]`},
		"[dependency-groups]\na='b'":                                                                     {ErrProject, `dependency-groups.a: it is no list`},
	} {
		_, err := ParseProject("p.toml", []byte(text))
		wantError(t, err, want.is, want.text)
	}
}

func TestGroupsThatMultiplyAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("[dependency-groups]\ng40 = ['x']\n")
	for i := range 40 {
		fmt.Fprintf(&b, "g%d = [{include-group='g%d'}, {include-group='g%d'}]\n", i, i+1, i+1)
	}
	_, err := ParseProject("p.toml", []byte(b.String()))
	wantError(t, err, ErrGroup, "more than 100000 requirements")
}

func TestScript(t *testing.T) {
	s, err := ParseScript("app.py", []byte("#!/usr/bin/env python3\r\n# /// other\r\n# x = \r\n# ///\r\n\r\n# /// script\r\n# requires-python = \">=3.12\"\r\n#\r\n# dependencies = [\r\n#   \"flask\",\r\n# ]\r\n# [tool.mayfly]\r\n# memory = 64\r\n# ///\r\nprint(1)\r\n"))
	check(t, err)
	equal(t, fmt.Sprint(s.Line, s.RequiresPython, s.Dependencies, s.Tool), "6 >=3.12 [flask] map[mayfly:map[memory:64]]")

	s, err = ParseScript("app.py", []byte("print(1)\n"))
	check(t, err)
	if s != nil {
		t.Errorf("got %+v", s)
	}
	for text, want := range map[string]string{
		"# /// script\n# x = 1\n":                                     `app.py:1: the block is not closed: end it with the line "# ///"`,
		"# /// script\n# ///\nx\n# /// script\n# ///":                 `app.py:4: there is a second script block: the first is in line 1`,
		"x\n# /// script\n# dependencies = [\n# 'a',\n# 1b]\n# ///\n": `app.py:5: `,
		"x\n# /// script\n# dependencies = ['a b']\n# ///\n":          `app.py:2: dependencies[0]: "b" is not a version specifier`,
		"x\n# /// script\n# requires-python = '3'\n# ///\n":           `app.py:2: requires-python: "3" is not a version specifier`,
	} {
		_, err := ParseScript("app.py", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is\n\t%v\nwithout\n\t%s", text, err, want)
		}
	}
}

func FuzzProject(f *testing.F) {
	f.Add([]byte("[project]\nname='x'\ndependencies=['a']\n[dependency-groups]\na=[{include-group='b'}]\nb=[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ParseProject("p.toml", data); err == nil {
			for _, g := range p.GroupNames() {
				if _, err := p.Group(g); err != nil {
					t.Errorf("group %s: %v", g, err)
				}
			}
		}
	})
}

func FuzzScript(f *testing.F) {
	f.Add([]byte("# /// script\n# dependencies = ['a']\n# ///\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := ParseScript("p.py", data); err == nil && s != nil && s.Line < 1 {
			t.Errorf("took %+v", s)
		}
	})
}
