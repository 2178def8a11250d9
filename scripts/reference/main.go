// reference writes what is generated of the documentation, from the commands, the
// lists of checks and questions, the profile's schema and golden files: the pages in
// cli-plugins/docker-userns/reference, the marked parts of README.md, man pages and
// completion scripts.
//
// It runs in the project's folder.
package main

import (
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/docker-userns/docker-userns/internal/schema"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("reference: ")
	manual := flag.String("man", "", "write man pages into this folder, and nothing else")
	completion := flag.String("completion", "", "write completion scripts into this folder, and nothing else")
	version := flag.String("version", "dev", "the version that man pages name")
	flag.Parse()
	if err := run(*manual, *completion, *version); err != nil {
		log.Fatal(err)
	}
}

func run(manual, completion, version string) error {
	if manual != "" {
		if err := writeManual(".", manual, version); err != nil {
			return err
		}
	}
	if completion != "" {
		if err := writeCompletion(completion); err != nil {
			return err
		}
	}
	if manual+completion != "" {
		return nil
	}
	all, err := documents(".")
	if err != nil {
		return err
	}
	for path, text := range all {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// documents returns every document with generated parts by its path, as it should
// be.
func documents(root string) (map[string]string, error) {
	all, err := pages(root)
	if err != nil {
		return nil, err
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, err
	}
	all["README.md"] = string(readme)
	for path, text := range all {
		if all[path], err = filled(root, path, text); err != nil {
			return nil, err
		}
	}
	return all, addSchemas(all)
}

// addSchemas adds the JSON Schemas of what the verbs print.
func addSchemas(all map[string]string) error {
	schemas, err := schema.All()
	if err != nil {
		return err
	}
	for name, s := range schemas {
		if all[filepath.Join(folder, "schema", name+".json")], err = schema.Text(s); err != nil {
			return err
		}
	}
	return nil
}

// quietly runs a function of a library that logs what it does.
func quietly(f func() error) error {
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	return f()
}
