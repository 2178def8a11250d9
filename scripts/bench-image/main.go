// bench-image makes the images that scripts/bench measures with, the same ones
// on every machine.
//
// usage: bench-image FOLDER
//
// It writes, where they are not yet there, FOLDER/big, FOLDER/many and
// FOLDER/offenders. Each has image.tar, in the layout of docker save up to 24,
// and facts.json, what is in it.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"
)

// facts are what is in an image, for who measures to know that the whole of it
// was looked at.
type facts struct {
	Bytes   int64 `json:"bytes"` // of image.tar
	Layers  int   `json:"layers"`
	Entries int   `json:"entries"`
	Foreign int   `json:"foreign"` // entries with an ID above 65535
	// Files are the layers by the form they are in: "plain" where the
	// layers are there apart from image.tar, "gzip" and "zstd".
	Files map[string][]string `json:"files"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: bench-image FOLDER")
	}
	for _, s := range shapes {
		if err := ensure(os.Args[1], s); err != nil {
			log.Fatalf("bench-image: making %s: %v", s.name, err)
		}
	}
}

// ensure makes an image in a folder that gets its name when it is whole.
func ensure(cache string, s shape) error {
	final := filepath.Join(cache, s.name)
	if _, err := os.Stat(final); err == nil {
		return nil
	}
	began := time.Now()
	dir, err := os.MkdirTemp(cache, ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := build(dir, s)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "made %s: %d MB, %d layers, %d entries, %d of them foreign, in %.0f s\n",
		final, f.Bytes>>20, f.Layers, f.Entries, f.Foreign, time.Since(began).Seconds())
	return os.Rename(dir, final)
}

func build(dir string, s shape) (facts, error) {
	img := picture{dir: dir, name: s.name}
	f := facts{Layers: s.layers, Files: map[string][]string{}}
	if err := os.Mkdir(img.layers(), 0o755); err != nil {
		return f, err
	}
	for i := range s.layers {
		l := plan(s, i)
		if err := img.add(l); err != nil {
			return f, err
		}
		f.Entries += len(l.entries)
		f.Foreign += l.foreign()
	}
	var err error
	if f.Bytes, err = img.dockerArchive(); err != nil {
		return f, err
	}
	for _, c := range s.compressed {
		if f.Files[c.name], err = img.ociFolder(c); err != nil {
			return f, err
		}
	}
	if s.keepLayers {
		f.Files["plain"] = img.files()
	} else {
		if err := os.RemoveAll(img.layers()); err != nil {
			return f, err
		}
	}
	return f, writeJSON(filepath.Join(dir, "facts.json"), f)
}

func writeJSON(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644)
}
