package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// picture is an image whose layers lie in files, uncompressed.
type picture struct {
	dir, name string
	diffIDs   []string // SHA-256 of each layer, without "sha256:"
}

func (p *picture) layers() string { return filepath.Join(p.dir, "layers") }

func (p *picture) layer(i int) string { return filepath.Join(p.layers(), fmt.Sprintf("%02d.tar", i)) }

// files are the layers as the folder of the image has them.
func (p *picture) files() []string {
	var names []string
	for i := range p.diffIDs {
		names = append(names, filepath.Join("layers", filepath.Base(p.layer(i))))
	}
	return names
}

// add writes a layer.
func (p *picture) add(l *layer) error {
	f, err := os.Create(p.layer(l.index))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	b := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	tw := tar.NewWriter(b)
	for _, e := range l.entries {
		if err := tw.WriteHeader(&e.Header); err != nil {
			return err
		}
		if err := body(tw, e, l.rng); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	p.diffIDs = append(p.diffIDs, fmt.Sprintf("%x", sum.Sum(nil)))
	return nil
}

func (p *picture) config() []byte {
	var history []any
	diffIDs := make([]string, len(p.diffIDs))
	for i, d := range p.diffIDs {
		diffIDs[i] = "sha256:" + d
		history = append(history, map[string]any{
			"created": when.UTC().Format(time.RFC3339), "created_by": fmt.Sprintf("RUN /bin/sh -c make layer-%d # buildkit", i),
		})
	}
	return encode(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Cmd": []string{"/bin/sh"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}, "history": history,
	})
}

// dockerArchive writes image.tar, and says how long it is.
func (p *picture) dockerArchive() (int64, error) {
	f, err := os.Create(filepath.Join(p.dir, "image.tar"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	tw := tar.NewWriter(f)
	var names []string
	for i, d := range p.diffIDs {
		names = append(names, d+"/layer.tar")
		if err := addFile(tw, names[i], p.layer(i)); err != nil {
			return 0, err
		}
	}
	config := p.config()
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest := encode([]any{map[string]any{"Config": configName, "RepoTags": []string{"docker-userns-bench:" + p.name}, "Layers": names}})
	if err := addBytes(tw, configName, config); err != nil {
		return 0, err
	}
	if err := addBytes(tw, "manifest.json", manifest); err != nil {
		return 0, err
	}
	if err := tw.Close(); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekCurrent)
}

func addFile(tw *tar.Writer, name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: when}); err != nil {
		return err
	}
	_, err = io.Copy(tw, f)
	return err
}

func addBytes(tw *tar.Writer, name string, b []byte) error {
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b)), ModTime: when}); err != nil {
		return err
	}
	_, err := tw.Write(b)
	return err
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings can be encoded
	}
	return b
}
