// bench-copy copies a tree as carry does, for scripts/bench-carry, and prints the
// milliseconds that it took, the files that it copied and did not have to, and its
// largest size in memory in MiB.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bench-copy FROM TO SEEN")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-copy:", err)
		os.Exit(1)
	}
}

func run(from, to, memory string) error {
	begun := time.Now()
	seen, err := carry.OpenSeen(memory)
	if err != nil {
		return err
	}
	progress := &carry.Progress{}
	o := carry.Options{
		Shift: carry.Shift{Map: idmap.Single(100000, idmap.Default)}, Live: true, Workers: 4, Seen: seen, Progress: progress,
	}
	if err := carry.Tree(context.Background(), from, to, o); err != nil {
		return err
	}
	if err := seen.Close(); err != nil {
		return err
	}
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return err
	}
	_, err = fmt.Println(time.Since(begun).Milliseconds(), progress.Copied.Load(), progress.Unchanged.Load(), use.Maxrss>>10)
	return err
}
