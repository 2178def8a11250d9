package apps

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Baseline is what starts took once, to be compared with later.
type Baseline struct {
	Starts   int
	P50, P95 time.Duration
}

// baselineFile is a Baseline as it is written: in milliseconds.
type baselineFile struct {
	SchemaVersion int     `json:"schemaVersion"`
	Starts        int     `json:"starts"`
	P50           float64 `json:"p50Milliseconds"`
	P95           float64 `json:"p95Milliseconds"`
}

const maxBaseline = 64 << 10 // bytes

// loadBaseline reads a file that save wrote; nil if there is none.
func loadBaseline(path string) (*Baseline, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the baseline: %w", err)
	}
	defer f.Close()
	var b baselineFile
	decoder := json.NewDecoder(io.LimitReader(f, maxBaseline))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return nil, fmt.Errorf("reading the baseline %s: %w; remove the file to record another", path, err)
	}
	if b.SchemaVersion != 1 || b.Starts < 1 || b.P50 < 0 || b.P95 <= 0 || b.P95 > 1e9 || b.P50 > b.P95 {
		return nil, fmt.Errorf("reading the baseline %s: it is not one that this program wrote; remove the file to record another", path)
	}
	return &Baseline{b.Starts, duration(b.P50), duration(b.P95)}, nil
}

func duration(milliseconds float64) time.Duration {
	return time.Duration(milliseconds * float64(time.Millisecond))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// save writes the file whole or not at all: next to its place, and renamed.
func (b Baseline) save(path string) error {
	text, err := json.MarshalIndent(baselineFile{1, b.Starts, milliseconds(b.P50), milliseconds(b.P95)}, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".docker-userns-*")
	if err != nil {
		return fmt.Errorf("recording the baseline: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("recording the baseline: %w", err)
	}
	return nil
}
