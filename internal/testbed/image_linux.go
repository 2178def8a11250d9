package testbed

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// Busybox puts an image on the host that commands can be run in: a static
// busybox under the names of its applets, and nothing else.
func (h *Host) Busybox(tb testing.TB, name string) {
	tb.Helper()
	busybox := []byte(h.Run(tb, "cat", "/bin/busybox"))
	var rootfs bytes.Buffer
	w := tar.NewWriter(&rootfs)
	add := func(header tar.Header, body []byte) {
		if err := w.WriteHeader(&header); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			tb.Fatal(err)
		}
	}
	add(tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))}, busybox)
	for _, applet := range []string{"cat", "chown", "id", "ls", "sh", "sleep", "stat", "touch"} {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"}, nil)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	cmd := h.Command("docker", "import", "-", name)
	cmd.Stdin = &rootfs
	output(tb, cmd)
}

// Load has the host's engine load a tar of images, past ssh and the docker CLI.
// The error is the engine's own words. If a tar has several images, the
// engine stops at the first that it refuses.
func (h *Host) Load(ctx context.Context, images io.Reader) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.socket())
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host/images/load?quiet=1", images)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-tar")
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("loading images into host %s: %w", h.Name, err)
	}
	defer resp.Body.Close()
	return loadError(resp.Body)
}

// loadError finds the error in an engine's answer, where "error" stands in a
// stream of messages and "message" in an answer of status 500.
func loadError(answer io.Reader) error {
	for messages := json.NewDecoder(answer); ; {
		var m struct{ Error, Message string }
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the engine's answer: %w", err)
		case m.Error != "":
			return errors.New(m.Error)
		case m.Message != "":
			return errors.New(m.Message)
		}
	}
}
