// Package imagetest makes small images with odd owners, to hold our verdicts
// against those of real engines. It is for tests.
package imagetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// Image is a docker-archive with one image in it.
type Image struct {
	Name    string // its tag
	Archive []byte
	What    string // the headers in it, for when a verdict differs
}

// Generate makes the image of a seed and a number: the same ones every time. Of
// many images about half have an entry that a map of 65536 IDs does not take.
func Generate(seed, n uint64) Image {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, n))}
	name := fmt.Sprintf("generated:%d-%d", seed, n)
	var layers [][]byte
	for range 1 + g.IntN(3) {
		layers = append(layers, g.layer())
	}
	return Image{Name: name, Archive: Archive(name, "", layers...), What: g.what.String()}
}

// Archive packs layers, which are uncompressed tars, to an archive as docker
// save of 20.10 writes it. user is the image's USER.
func Archive(tag, user string, layers ...[]byte) []byte {
	var diffIDs, names []string
	var history []map[string]any
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i, l := range layers {
		name := fmt.Sprintf("%d-%s/layer.tar", i, sha(l)[:12])
		add(w, name, l)
		diffIDs, names = append(diffIDs, "sha256:"+sha(l)), append(names, name)
		history = append(history, map[string]any{"created": "2026-01-01T00:00:00Z", "created_by": fmt.Sprintf("RUN step %d", i+1)})
	}
	config := encode(map[string]any{
		"os": "linux", "architecture": "amd64", "config": map[string]any{"User": user},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}, "history": history,
	})
	add(w, sha(config)+".json", config)
	add(w, "manifest.json", encode([]any{map[string]any{"Config": sha(config) + ".json", "RepoTags": []string{tag}, "Layers": names}}))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func add(w *tar.Writer, name string, body []byte) {
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(body)
	}
	if err != nil {
		panic(err)
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
