package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
)

// record is a file with a line for each fault point that was tried: the point, and
// "ok" or "failed". scripts/faults makes a table of it.
type record struct {
	path string // "" for none
	text string // as it was at the start
	mu   sync.Mutex
}

func faultRecord(t *testing.T) *record {
	t.Helper()
	r := &record{path: os.Getenv("FAULTS_RECORD")}
	if r.path != "" {
		text, err := os.ReadFile(r.path)
		assert.Assert(t, err == nil || os.IsNotExist(err), "%v", err)
		r.text = "\n" + string(text)
	}
	return r
}

func (r *record) has(f fault) bool { return strings.Contains(r.text, "\n"+f.String()+"\t") }

func (r *record) add(t *testing.T, f fault) {
	if r.path == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	result := "ok"
	if t.Failed() {
		result = "failed"
	}
	file, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintf(file, "%s\t%s\n", f, result)
		err = errors.Join(err, file.Close())
	}
	assert.Check(t, err == nil, "recording the fault point: %v", err)
}
