// Package hook has this plugin's hooks of the Docker CLI: what the CLI's
// config.json must hold for them, and what the plugin answers when the CLI calls
// it after a command. It does no I/O.
package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
)

// A Key is a key of a plugin in config.json, under which the commands stand after
// which the CLI calls it.
type Key string

// The keys. They are called only if the feature "hooks" is on, and standard output
// is a terminal (cli-plugins/manager/hooks.go of docker/cli).
const (
	OnError Key = "error-hooks" // after a command that failed; CLI 29.3 and later
	Always  Key = "hooks"       // after a command, failed or not; CLI 26.1 and later
)

// Commands are those that can fail for an ID. The CLI compares whole words from the
// left, so that "pull" does not stand for "image pull".
const Commands = "pull,image pull,run,container run,create,container create,load,image load,import,image import"

// plugin is the name of this plugin in config.json, and madeKey the key under
// which Install notes the other keys that it made, for Remove.
const (
	plugin  = "userns"
	madeKey = "made-by-install-hook"
)

// own gives the path of a key of this plugin.
func own(key string) []string { return []string{"plugins", plugin, key} }

// feature is the path of what turns hooks on, for all plugins.
var feature = []string{"features", "hooks"}

// ErrOff is what Install says if hooks are turned off.
var ErrOff = errors.New(`"features" has "hooks" turned off, so the Docker CLI calls no hook: remove that, or set it to "true", first`)

// Install gives the text of config.json with the hook in it. All else stays as it
// is, byte for byte. An empty text is a file that is missing.
func Install(text []byte, key Key) ([]byte, error) {
	text, err := Remove(text)
	if err != nil {
		return nil, err
	}
	c := config{text: text}
	switch on, ok := c.get(feature...); {
	case !ok:
		c.set("true", feature...)
	case !isTrue(on):
		return nil, ErrOff
	}
	c.set(Commands, own(string(key))...)
	made := slices.DeleteFunc(slices.Clone(c.made), func(path string) bool { return path == dotted(own(string(key))) })
	if len(made) > 0 {
		c.set(strings.Join(made, " "), own(madeKey)...)
	}
	return c.text, c.err
}

// Remove gives the text of config.json without the hook, and without what Install
// made for it. Objects that hold something else by now stay.
func Remove(text []byte) ([]byte, error) {
	c := config{text: text}
	noted, _ := c.get(own(madeKey)...)
	for _, key := range []string{madeKey, string(Always), string(OnError)} {
		c.remove(own(key)...)
	}
	for _, path := range slices.Backward(strings.Fields(noted)) {
		keys := strings.Split(path, ".")
		if slices.Equal(keys, feature) || c.empty(keys...) {
			c.remove(keys...)
		}
	}
	return c.text, c.err
}

func dotted(path []string) string { return strings.Join(path, ".") }

func isTrue(text string) bool {
	on, _ := strconv.ParseBool(text)
	return on
}

// config is a config.json that is edited. The first error ends it.
type config struct {
	text []byte
	made []string // paths of the keys that were added, with dots, outermost first
	err  error
}

// get gives the string at a path, and whether anything is there.
func (c *config) get(path ...string) (string, bool) {
	doc := c.parse(c.text, "")
	for i, key := range path {
		if i == len(path)-1 {
			s, _ := doc.String(key)
			_, ok := doc.Get(key)
			return s, ok
		}
		inner, ok := doc.Get(key)
		if !ok {
			break
		}
		doc = c.parse(inner, dotted(path[:i+1]))
	}
	return "", false
}

// set gives the path a string.
func (c *config) set(value string, path ...string) {
	if text := c.setIn(c.text, value, path, 0); c.err == nil {
		c.text = text
	}
}

func (c *config) setIn(text []byte, value string, path []string, depth int) []byte {
	doc := c.parse(text, dotted(path[:depth]))
	if c.err != nil {
		return nil
	}
	key := path[depth]
	inner, ok := doc.Get(key)
	if !ok {
		c.made = append(c.made, dotted(path[:depth+1]))
		inner = []byte("{}")
	}
	if depth == len(path)-1 {
		return doc.Set(key, value)
	}
	return doc.SetValue(key, string(c.setIn(inner, value, path, depth+1)))
}

// remove takes out what is at a path. A path that is missing changes nothing.
func (c *config) remove(path ...string) {
	if _, ok := c.get(path...); !ok || c.err != nil {
		return
	}
	if text := c.removeIn(c.text, path); c.err == nil {
		c.text = text
	}
}

func (c *config) removeIn(text []byte, path []string) []byte {
	doc := c.parse(text, "")
	if len(path) == 1 {
		return doc.Remove(path[0])
	}
	inner, _ := doc.Get(path[0])
	return doc.SetValue(path[0], string(c.removeIn(inner, path[1:])))
}

// empty reports whether an object without keys is at a path.
func (c *config) empty(path ...string) bool {
	text := c.text
	for _, key := range path {
		inner, ok := c.parse(text, "").Get(key)
		if !ok {
			return false
		}
		text = inner
	}
	var object map[string]json.RawMessage
	return json.Unmarshal(text, &object) == nil && object != nil && len(object) == 0
}

func (c *config) parse(text []byte, path string) daemonjson.Doc {
	doc, err := daemonjson.Parse(text)
	if c.err == nil && err != nil {
		c.err = err
		if path != "" {
			c.err = fmt.Errorf("%q: %w", path, err)
		}
	}
	return doc
}
