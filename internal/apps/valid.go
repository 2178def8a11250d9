package apps

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// valid holds what types alone do not say. root is the document that the profile
// was read from.
func (p Profile) valid(root *yaml.Node) error {
	if p.Version != 1 {
		return at(valueOf(root, "version"), "version is %d; this program reads version 1", p.Version)
	}
	for i, c := range p.Health {
		if c.URL.None() {
			return at(item(root, "health", i), "a health check needs a url")
		}
	}
	for i, c := range p.Commands {
		if why := c.wrong(); why != "" {
			return at(item(root, "commands", i), "%s", why)
		}
	}
	for i, s := range p.Sockets {
		if why := s.wrong(); why != "" {
			return at(item(root, "sockets", i), "%s", why)
		}
	}
	if starts := valueOf(root, "starts"); starts != nil && (p.Starts.Count < 1 || p.Starts.Count > MaxStarts) {
		return at(starts, "count of starts is %d, not 1 to %d", p.Starts.Count, MaxStarts)
	}
	return nil
}

func (c Command) wrong() string {
	switch {
	case len(c.Run) == 0:
		return "a command needs run"
	case (c.Container == "") == (c.Image == ""):
		return "a command needs either container or image"
	case c.Exit < 0 || c.Exit > 255:
		return fmt.Sprintf("exit code %d is not 0 to 255", c.Exit)
	}
	return ""
}

func (s Socket) wrong() string {
	switch {
	case s.Address.None():
		return "a socket needs an address"
	case s.Container != "" && s.Address.Unix() == "":
		return "only a unix socket can be tried from inside a container"
	}
	return ""
}

// at is an error with the line of a node, if there is one.
func at(n *yaml.Node, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if n == nil {
		return fmt.Errorf("%s", text)
	}
	return fmt.Errorf("line %d: %s", n.Line, text)
}

// valueOf is the value of a key of the document's mapping; nil if there is none.
func valueOf(root *yaml.Node, key string) *yaml.Node {
	if len(root.Content) == 0 {
		return nil
	}
	mapping := root.Content[0].Content
	for i := 0; i+1 < len(mapping); i += 2 {
		if mapping[i].Value == key {
			return mapping[i+1]
		}
	}
	return nil
}

// item is the i-th of the list under a key.
func item(root *yaml.Node, key string, i int) *yaml.Node {
	list := valueOf(root, key)
	if list == nil || i >= len(list.Content) {
		return list
	}
	return list.Content[i]
}
