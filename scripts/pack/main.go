// pack writes what a release is made of, the same bytes on every machine: archives
// whose entries belong to root and have the time SOURCE_DATE_EPOCH, compressed files,
// and checksums.
package main

import (
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const usage = `usage: pack archive OUTPUT.tar.gz|OUTPUT.zip FOLDER
       pack gzip FILE...
       pack sums FOLDER`

func main() {
	log.SetFlags(0)
	log.SetPrefix("pack: ")
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "archive":
		epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
		if err != nil {
			return fmt.Errorf("reading SOURCE_DATE_EPOCH: %w", err)
		}
		return archive(args[1], args[2], time.Unix(epoch, 0).UTC())
	case len(args) > 1 && args[0] == "gzip":
		for _, name := range args[1:] {
			if err := compress(name); err != nil {
				return err
			}
		}
		return nil
	case len(args) == 2 && args[0] == "sums":
		return sums(args[1])
	}
	return fmt.Errorf("%s", usage)
}

// compress replaces a file by one that is compressed, with .gz behind its name.
func compress(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return create(name+".gz", func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(text); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		return os.Remove(name)
	})
}

// sums writes the file SHA256SUMS into a folder, in the form of sha256sum.
func sums(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, entry := range names {
		if entry.Name() == "SHA256SUMS" {
			continue
		}
		f, err := os.Open(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", h.Sum(nil), entry.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o644)
}

// create writes a file. What cannot be written whole is an error.
func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
