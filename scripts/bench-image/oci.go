package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// compressor is a command that compresses a file to standard output, and the
// media type of what it gives.
type compressor struct {
	name, mediaType string
	command         []string
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
)

// ociFolder writes the image as a folder of OCI blobs, named as the compressor
// is, and gives the files of the layers in it.
func (p *picture) ociFolder(c compressor) ([]string, error) {
	dir := filepath.Join(p.dir, c.name)
	blobs := filepath.Join(dir, "blobs/sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return nil, err
	}
	var layers []descriptor
	var files []string
	for i := range p.diffIDs {
		d, err := compress(blobs, p.layer(i), c)
		if err != nil {
			return nil, fmt.Errorf("running %s: %w", c.name, err)
		}
		layers = append(layers, d)
		files = append(files, filepath.Join(c.name, "blobs/sha256", d.Digest[len("sha256:"):]))
	}
	config, err := put(blobs, configType, p.config())
	if err != nil {
		return nil, err
	}
	manifest, err := put(blobs, manifestType, encode(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": layers,
	}))
	if err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(dir, "index.json"), map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}}); err != nil {
		return nil, err
	}
	return files, writeJSON(filepath.Join(dir, "oci-layout"), map[string]string{"imageLayoutVersion": "1.0.0"})
}

func compress(blobs, layer string, c compressor) (descriptor, error) {
	f, err := os.CreateTemp(blobs, "new-")
	if err != nil {
		return descriptor{}, err
	}
	defer f.Close()
	sum := sha256.New()
	cmd := exec.Command(c.command[0], append(c.command[1:], layer)...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(f, sum), os.Stderr
	if err := cmd.Run(); err != nil {
		return descriptor{}, err
	}
	hex := fmt.Sprintf("%x", sum.Sum(nil))
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return descriptor{}, err
	}
	return descriptor{c.mediaType, "sha256:" + hex, size}, os.Rename(f.Name(), filepath.Join(blobs, hex))
}

func put(blobs, mediaType string, b []byte) (descriptor, error) {
	hex := fmt.Sprintf("%x", sha256.Sum256(b))
	return descriptor{mediaType, "sha256:" + hex, int64(len(b))}, os.WriteFile(filepath.Join(blobs, hex), b, 0o644)
}
