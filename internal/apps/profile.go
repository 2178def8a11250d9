package apps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Profile is what has to work, as a YAML file says it: see profile.schema.json.
type Profile struct {
	Version  int       `yaml:"version"` // 1
	Health   []Health  `yaml:"health"`
	Commands []Command `yaml:"commands"`
	Sockets  []Socket  `yaml:"sockets"`
	Starts   Starts    `yaml:"starts"`
}

const maxProfile = 1 << 20 // bytes

// ReadProfile reads a profile. Its errors name the file and the line.
func ReadProfile(path string) (Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProfile+1))
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	p, err := ParseProfile(text)
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile %s: %w", path, err)
	}
	return p, nil
}

// ParseProfile reads the text of a profile. A key that it does not know, an
// expression that does not compile and everything else that could not be done is
// an error with its line.
func ParseProfile(text []byte) (Profile, error) {
	if len(text) > maxProfile {
		return Profile{}, errors.New("longer than 1 MiB")
	}
	var p Profile
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	switch err := decoder.Decode(&p); {
	case errors.Is(err, io.EOF):
		return Profile{}, errors.New("it is empty")
	case err != nil:
		return Profile{}, reworded(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Profile{}, errors.New("it holds more than one document")
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return Profile{}, reworded(err)
	}
	if err := p.valid(&root); err != nil {
		return Profile{}, err
	}
	return p, nil
}

var (
	unknownField = regexp.MustCompile(`field (.*) not found in type .*`)
	goType       = regexp.MustCompile("cannot unmarshal !!(\\w+)( `.*`)? into .*")
)

// reworded says the errors of package yaml without the names of Go's types.
func reworded(err error) error {
	var types *yaml.TypeError
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if errors.As(err, &types) {
		lines = types.Errors
	}
	for i, line := range lines {
		line = unknownField.ReplaceAllString(line, `unknown key "$1"`)
		lines[i] = goType.ReplaceAllString(line, `a $1$2 is not allowed here`)
	}
	return errors.New(strings.Join(lines, "; "))
}
