package host

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// A host is not believed to end its answers: each has a number of bytes and a time
// to be waited for.
const (
	lookBytes  = 128 << 20 // all that one Look may hold
	filesBytes = 4 << 30   // of ReadFiles, which keeps none of them
	runBytes   = 64 << 20  // of a command, whose first MaxOutput are kept

	// patience is how long an answer is waited for in all, besides a second for
	// each perSecond bytes of it: what comes slowly has more time.
	patience  = time.Minute
	perSecond = 64 << 10
	// loginTime is added for the first answer: somebody may have to touch a key.
	loginTime = 2 * time.Minute
	// runTime is how long a command may take. Restarts and deletions take a while.
	runTime = time.Hour
)

// errSlow: the host took longer than it may.
var errSlow = errors.New("no answer in time: the connection is dead, or something hangs on the host; log in, and look for what hangs")

// An allowance reads an answer, and no more of it than is granted.
type allowance struct {
	r     io.Reader
	end   func() // ends a Read that waits
	bytes int64  // that may still come
	whole int64  // that were granted
	wait  time.Duration
}

// grant begins an answer.
func (a *allowance) grant(bytes int64, wait time.Duration) {
	a.bytes, a.whole, a.wait = bytes, bytes, wait
}

// Read reads what there is, or fails if no more is allowed.
func (a *allowance) Read(p []byte) (int, error) {
	if a.bytes <= 0 {
		return 0, fmt.Errorf("its answer is larger than the limit of %d MiB", a.whole>>20)
	}
	begun := time.Now()
	late := time.AfterFunc(a.wait, a.end)
	n, err := a.r.Read(p[:min(int64(len(p)), a.bytes)])
	if !late.Stop() && err != nil {
		err = errSlow
	}
	a.bytes -= int64(n)
	a.wait += time.Duration(n)*time.Second/perSecond - time.Since(begun)
	return n, err
}
