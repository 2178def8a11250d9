package imagetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Step is one instruction of a Dockerfile.
type Step struct {
	By    string // as an image's history has it, e.g. "RUN /bin/sh -c npm i # buildkit"
	Layer []byte // an uncompressed tar, nil if it makes no layer
	// Packed is the layer as the archive has it, nil for the tar itself.
	Packed []byte
}

// File is an entry of a layer: a directory where the name ends in a slash.
type File struct {
	Name     string
	UID, GID int
	Body     string
}

// Layer is a tar of files.
func Layer(files ...File) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := tar.Header{Name: f.Name, Mode: 0o755, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Body)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if f.UID < 0 || f.GID < 0 {
			h.Format = tar.FormatGNU
		}
		put(w, h, []byte(f.Body))
	}
	done(w.Close())
	return b.Bytes()
}

// Archive packs one image as docker save of 20.10 writes it: for docker load,
// and for an audit. user is its USER.
func Archive(tag, user string, steps ...Step) []byte { return ArchiveFor("linux", tag, user, steps...) }

// ArchiveFor is [Archive] for another operating system.
func ArchiveFor(os, tag, user string, steps ...Step) []byte {
	diffIDs, layers := []string{}, []string{}
	var history []map[string]any
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i, s := range steps {
		made := map[string]any{"created": time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC), "created_by": s.By}
		history = append(history, made)
		if s.Layer == nil {
			made["empty_layer"] = true
			continue
		}
		name := fmt.Sprintf("%d-%s/layer.tar", i, sha(s.Layer)[:12])
		body := s.Layer
		if s.Packed != nil {
			body = s.Packed
		}
		put(w, tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}, body)
		diffIDs, layers = append(diffIDs, "sha256:"+sha(s.Layer)), append(layers, name)
	}
	config := encode(map[string]any{
		"os": os, "architecture": "amd64", "config": map[string]any{"User": user},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}, "history": history,
	})
	manifest := encode([]any{map[string]any{"Config": sha(config) + ".json", "RepoTags": []string{tag}, "Layers": layers}})
	put(w, tar.Header{Name: sha(config) + ".json", Mode: 0o644, Size: int64(len(config))}, config)
	put(w, tar.Header{Name: "manifest.json", Mode: 0o644, Size: int64(len(manifest))}, manifest)
	done(w.Close())
	return out.Bytes()
}

func put(w *tar.Writer, h tar.Header, body []byte) {
	done(w.WriteHeader(&h))
	_, err := w.Write(body)
	done(err)
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	done(err)
	return b
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// done stops at what can only be a mistake of a test's author.
func done(err error) {
	if err != nil {
		panic(err)
	}
}
