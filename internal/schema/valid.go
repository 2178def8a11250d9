package schema

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
)

var resolved = sync.OnceValues(func() (map[string]*jsonschema.Resolved, error) {
	all, err := All()
	if err != nil {
		return nil, err
	}
	ready := map[string]*jsonschema.Resolved{}
	for name, s := range all {
		if ready[name], err = s.Resolve(nil); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
	}
	return ready, nil
})

// Validate holds each line of what a verb printed to a schema, by the name of that.
func Validate(name, printed string) error {
	all, err := resolved()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(strings.NewReader(printed))
	lines.Buffer(nil, len(printed)+1)
	for lines.Scan() {
		var v any
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		if err := all[name].Validate(v); err != nil {
			return fmt.Errorf("%.300s: %w", lines.Text(), err)
		}
	}
	return lines.Err()
}
