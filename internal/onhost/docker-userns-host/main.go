//go:build linux

// Docker-userns-host is the part of the plugin that runs on a host while the plugin
// looks at it from elsewhere, or copies what is there. It is no command for people.
//
//	docker-userns-host headers DIR MILLISECONDS
//
// reads digests from standard input, a line each, and sends the headers of those blobs
// of the OCI layout in DIR. What takes longer than so many milliseconds is broken off, if
// they are not 0.
//
//	docker-userns-host carry measure|prepare|check
//	docker-userns-host carry finish TO
//
// makes a twin of a data root: see package carry.
//
//	docker-userns-host grant look | VERB FOLDER
//
// gives rights to what containers mount, and takes them back: see package grant.
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

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/headers"
	"github.com/opencontainers/go-digest"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "docker-userns-host:", escape.Line(err.Error())) // it has names of files, and gets into a log
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "headers":
		return sendHeaders(args[1], args[2], in, out)
	case len(args) > 1 && args[0] == "carry":
		return carry.Serve(context.Background(), args[1:], in, out)
	case len(args) > 1 && args[0] == "grant":
		return grant.Serve(context.Background(), args[1:], in, out)
	}
	return errors.New("usage: docker-userns-host headers DIR MILLISECONDS | carry VERB | grant VERB")
}

// maxInput bounds the digests, in bytes: those of 10,000 blobs.
const maxInput = 1 << 20

func sendHeaders(folder, milliseconds string, in io.Reader, out io.Writer) error {
	ms, err := strconv.ParseUint(milliseconds, 10, 31)
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
	return headers.Serve(ctx, folder, blobs, out)
}
