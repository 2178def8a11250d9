// Docker-userns-host is the part of the plugin that runs on a host while the plugin
// looks at it from elsewhere. It is no command for people.
//
//	docker-userns-host headers DIR MILLISECONDS
//
// reads digests from standard input, a line each, and sends the headers of those blobs
// of the OCI layout in DIR. What takes longer than so many milliseconds is broken off, if
// they are not 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/headers"
	"github.com/opencontainers/go-digest"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "docker-userns-host:", err)
		os.Exit(1)
	}
}

// maxInput bounds the digests, in bytes: those of 10,000 blobs.
const maxInput = 1 << 20

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 || args[0] != "headers" {
		return errors.New("usage: docker-userns-host headers DIR MILLISECONDS")
	}
	ms, err := strconv.ParseUint(args[2], 10, 31)
	if err != nil {
		return err
	}
	input, err := io.ReadAll(io.LimitReader(in, maxInput))
	if err != nil {
		return err
	}
	var blobs []digest.Digest
	for _, line := range strings.Fields(string(input)) {
		blobs = append(blobs, digest.Digest(line))
	}
	ctx := context.Background()
	if ms > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	return headers.Serve(ctx, args[1], blobs, out)
}
