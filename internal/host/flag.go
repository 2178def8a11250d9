package host

import "sync"

// A flag is raised and lowered, and can be waited for.
type flag struct {
	mu     *sync.Mutex
	raised chan struct{} // closed while it is up
}

func newFlag() flag { return flag{mu: &sync.Mutex{}, raised: make(chan struct{})} }

// set gives a channel that is closed once the flag is raised, or is already.
func (f *flag) set() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.raised
}

func (f *flag) isSet() bool {
	select {
	case <-f.set():
		return true
	default:
		return false
	}
}

func (f *flag) raise() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.raised:
	default:
		close(f.raised)
	}
}

func (f *flag) lower() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.raised:
		f.raised = make(chan struct{})
	default:
	}
}
