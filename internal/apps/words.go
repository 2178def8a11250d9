package apps

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is written as "10s", "1m30s".
type Duration time.Duration

// or is the duration, or another one if it is 0.
func (d Duration) or(otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}

// UnmarshalYAML reads a duration of more than nothing.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	return scalar(n, func(text string) error {
		got, err := time.ParseDuration(text)
		if err == nil && got <= 0 {
			err = errors.New("not greater than zero")
		}
		if err != nil {
			return fmt.Errorf("duration %q is not one such as 10s or 1m30s", text)
		}
		*d = Duration(got)
		return nil
	})
}

// UnmarshalYAML reads an expression, which is not empty.
func (e *Expr) UnmarshalYAML(n *yaml.Node) error {
	return scalar(n, func(text string) (err error) {
		*e, err = ParseExpr(text)
		return err
	})
}

// UnmarshalYAML reads a URL.
func (u *URL) UnmarshalYAML(n *yaml.Node) error {
	return scalar(n, func(text string) (err error) {
		*u, err = ParseURL(text)
		return err
	})
}

// UnmarshalYAML reads an address.
func (a *Address) UnmarshalYAML(n *yaml.Node) error {
	return scalar(n, func(text string) (err error) {
		*a, err = ParseAddress(text)
		return err
	})
}

// Pattern is a regular expression of Go (RE2) that is looked for in a text; ^ and
// $ are the beginning and end of a line.
type Pattern struct {
	text string
	re   *regexp.Regexp
}

// Match reports whether the pattern is in the text; none is in every text.
func (p Pattern) Match(text []byte) bool { return p.re == nil || p.re.Match(text) }

// String is the pattern as it was given.
func (p Pattern) String() string { return p.text }

// UnmarshalYAML reads a pattern.
func (p *Pattern) UnmarshalYAML(n *yaml.Node) error {
	return scalar(n, func(text string) (err error) {
		if _, err = regexp.Compile(text); err == nil { // whose error has the text as it was given
			p.text, p.re = text, regexp.MustCompile("(?m)"+text)
		}
		return err
	})
}

// Args are a program and its arguments. A single text is a line for the shell of
// the container.
type Args []string

// UnmarshalYAML reads a list or a text.
func (a *Args) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		var list []string
		if err := n.Decode(&list); err != nil {
			return reworded(err)
		}
		*a = list
		return nil
	}
	return scalar(n, func(text string) error {
		*a = Args{"sh", "-c", text}
		return nil
	})
}

// scalar hands on the text of a node, and puts its line before an error.
func scalar(n *yaml.Node, parse func(string) error) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		return at(n, "a string is expected here")
	}
	if err := parse(n.Value); err != nil {
		return at(n, "%v", err)
	}
	return nil
}
