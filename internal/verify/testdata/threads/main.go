//go:build linux

// Threads is a process whose threads have IDs and groups of their own, which the
// system calls behind setuid(2) give to the calling thread alone. It says
// "ready" and waits.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ready := make(chan error)
	for _, id := range []uintptr{1000, 65535} {
		go func() {
			runtime.LockOSThread()
			_, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, id, id, id)
			ready <- nonZero(errno)
			time.Sleep(time.Hour)
		}()
		if err := <-ready; err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

func nonZero(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
