package audit

// A list only grows, and does so without copying what it holds: a slice of the
// same length would take up to 2.25 times the memory while it grows.
type list[T any] struct{ chunks [][]T }

const smallest, largest = 8, 8192 // lengths of chunks

func (l *list[T]) add(v T) {
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last]) == cap(l.chunks[last]) {
		size := smallest
		if last >= 0 {
			size = min(largest, 2*cap(l.chunks[last]))
		}
		l.chunks = append(l.chunks, make([]T, 0, size))
		last++
	}
	l.chunks[last] = append(l.chunks[last], v)
}

// full says that the list has come to maxTracked, or nearly.
func (l *list[T]) full() bool { return len(l.chunks) >= maxTracked/largest }

// each calls f for all that the list holds, in order.
func (l *list[T]) each(f func(T)) {
	for _, c := range l.chunks {
		for _, v := range c {
			f(v)
		}
	}
}
