package requirement

import (
	"strings"
)

// maxNesting bounds the parentheses of a marker.
const maxNesting = 100

// Marker says in which environments a requirement holds: python_version < "3.11" and sys_platform == "win32". The zero Marker holds in all.
type Marker struct {
	root node
}

// node is a part of a marker: and, or, or a comparison.
type node interface {
	write(b *strings.Builder)
	holds(c *conditions) bool
}

type (
	both    struct{ left, right node }
	either  struct{ left, right node }
	compare struct {
		left, right operand
		op          string
		versions    *specifier // op and the right side, if that is a version
	}
	operand struct {
		variable string // "" for a string
		value    string
	}
)

// variables are the names that PEP 508 has, those of PEP 751, and the old spellings that pip still takes.
var variables = map[string]string{
	"os_name": "os_name", "sys_platform": "sys_platform", "platform_machine": "platform_machine",
	"platform_python_implementation": "platform_python_implementation", "platform_release": "platform_release",
	"platform_system": "platform_system", "platform_version": "platform_version", "python_version": "python_version",
	"python_full_version": "python_full_version", "implementation_name": "implementation_name",
	"implementation_version": "implementation_version", "extra": "extra",
	"extras": "extras", "dependency_groups": "dependency_groups",
	"os.name": "os_name", "sys.platform": "sys_platform", "platform.version": "platform_version", "platform.machine": "platform_machine",
	"platform.python_implementation": "platform_python_implementation", "python_implementation": "platform_python_implementation",
}

// ParseMarker reads a marker. The error is a [*SyntaxError] that is [ErrMarker].
func ParseMarker(s string) (Marker, error) {
	sc, err := newScanner(s, ErrMarker)
	if err != nil {
		return Marker{}, err
	}
	root, err := sc.markerOr(0)
	if err != nil {
		return Marker{}, err
	}
	if sc.space(); !sc.done() {
		return Marker{}, sc.errorf("comparisons are joined by 'and' and 'or'")
	}
	return Marker{root}, nil
}

// IsZero says whether the marker is none.
func (m Marker) IsZero() bool { return m.root == nil }

// String writes the marker so that [ParseMarker] reads it back.
func (m Marker) String() string {
	var b strings.Builder
	if m.root != nil {
		m.root.write(&b)
	}
	return b.String()
}

func (sc *scanner) markerOr(depth int) (node, error) {
	n, err := sc.markerAnd(depth)
	for err == nil {
		if sc.space(); !sc.word("or") {
			return n, nil
		}
		var right node
		if right, err = sc.markerAnd(depth); err == nil {
			n = either{n, right}
		}
	}
	return nil, err
}

func (sc *scanner) markerAnd(depth int) (node, error) {
	n, err := sc.markerTerm(depth)
	for err == nil {
		if sc.space(); !sc.word("and") {
			return n, nil
		}
		var right node
		if right, err = sc.markerTerm(depth); err == nil {
			n = both{n, right}
		}
	}
	return nil, err
}

func (sc *scanner) markerTerm(depth int) (node, error) {
	sc.space()
	if sc.accept("(") {
		if depth >= maxNesting {
			return nil, sc.errorf("parentheses are nested more than %d deep", maxNesting)
		}
		n, err := sc.markerOr(depth + 1)
		if err != nil {
			return nil, err
		}
		if sc.space(); !sc.accept(")") {
			return nil, sc.errorf("a ')' is missing")
		}
		return n, nil
	}
	var c compare
	var err error
	if c.left, err = sc.operand(); err != nil {
		return nil, err
	}
	sc.space()
	if c.op = sc.operator(); c.op == "" {
		return nil, sc.errorf("an operator is to come here: == != <= >= < > ~= === in, not in")
	}
	sc.space()
	if c.right, err = sc.operand(); err != nil {
		return nil, err
	}
	for _, o := range []operand{c.left, c.right} {
		if set := o.variable == "extras" || o.variable == "dependency_groups"; set && (c.op != "in" && c.op != "not in" || o == c.left) {
			return nil, sc.errorf("%s is a set: write \"NAME\" in %s", o.variable, o.variable)
		}
	}
	if c.op != "in" && c.op != "not in" && c.right.variable == "" {
		if sp, err := parseSpecifier(c.op + c.right.value); err == nil {
			c.versions = &sp
		}
	}
	if c.op == "~=" && c.versions == nil {
		return nil, sc.errorf("~= compares with a version of two numbers at least")
	}
	return c, nil
}

func (sc *scanner) operator() string {
	for _, o := range operators {
		if sc.accept(o) {
			return o
		}
	}
	if sc.word("in") {
		return "in"
	}
	if sc.word("not") && sc.space() && sc.word("in") {
		return "not in"
	}
	return ""
}

func (sc *scanner) operand() (operand, error) {
	for _, quote := range []string{"'", `"`} {
		if !sc.accept(quote) {
			continue
		}
		value := sc.while(func(c byte) bool { return c != quote[0] })
		if !sc.accept(quote) {
			return operand{}, sc.errorf("the string is not closed by %s", quote)
		}
		return operand{value: value}, nil
	}
	at := sc.pos
	name := sc.while(func(c byte) bool { return alphanumeric(c) || c == '_' || c == '.' })
	v, ok := variables[name]
	if !ok {
		sc.pos = at
		return operand{}, sc.errorf("a string in quotes or a variable such as python_version is to come here")
	}
	return operand{variable: v}, nil
}

func (n both) write(b *strings.Builder) {
	for i, part := range []node{n.left, n.right} {
		if i > 0 {
			b.WriteString(" and ")
		}
		_, group := part.(either)
		_, right := part.(both)
		group = group || right && i > 0
		if group {
			b.WriteByte('(')
		}
		part.write(b)
		if group {
			b.WriteByte(')')
		}
	}
}

func (n either) write(b *strings.Builder) {
	n.left.write(b)
	b.WriteString(" or ")
	if _, right := n.right.(either); right {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	n.right.write(b)
}

func (n compare) write(b *strings.Builder) {
	b.WriteString(n.left.String() + " " + n.op + " " + n.right.String())
}

func (o operand) String() string {
	switch {
	case o.variable != "":
		return o.variable
	case strings.Contains(o.value, `"`):
		return "'" + o.value + "'"
	}
	return `"` + o.value + `"`
}
