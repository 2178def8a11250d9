package host

import "io"

// bodyReader is the body of one file of ReadFiles. It ends with the record's
// status: io.EOF, or what went wrong on the way.
type bodyReader struct {
	frames *frames
	path   Path
	end    error // what Read returns from now on
	broken error // the stream itself ended
}

// hand gives the body to each, or the error that stands in its place.
func (b *bodyReader) hand(each func(Path, io.Reader, error) error) error {
	n, err := b.frames.ready()
	if err != nil {
		return err
	}
	if n > 0 {
		return b.pass(each)
	}
	if b.finish(); b.broken != nil {
		return b.broken
	}
	if b.end != io.EOF {
		return each(b.path, nil, b.end)
	}
	return b.pass(each)
}

// pass gives the body to each, and reads on to its end.
func (b *bodyReader) pass(each func(Path, io.Reader, error) error) error {
	if err := each(b.path, b, nil); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, b)
	return b.broken
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.frames.Read(p)
	switch {
	case err == io.EOF:
		b.finish()
		return n, b.end
	case err != nil:
		b.end, b.broken = err, err
	}
	return n, err
}

// finish reads the status behind the body.
func (b *bodyReader) finish() {
	_, _, t := b.frames.whole(0, "read", b.path.String())
	switch {
	case t.fatal != nil:
		b.end, b.broken = t.fatal, t.fatal
	case t.said != nil:
		b.end = t.said
	default:
		b.end = io.EOF
	}
}
