package rewrite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/opencontainers/go-digest"
)

// Loader is the part of docker's client that loads images.
type Loader interface {
	ImageLoad(ctx context.Context, input io.Reader, opts ...client.ImageLoadOption) (image.LoadResponse, error)
}

// Daemon is an engine, which is sent an archive as docker load does. The context is for
// all that it does.
func Daemon(ctx context.Context, engine Loader, name reference.NamedTagged) Destination {
	from, to := io.Pipe()
	s := &loading{w: to, has: map[digest.Digest]bool{}, answer: make(chan error, 1)}
	go func() {
		err := load(ctx, engine, from)
		from.CloseWithError(cmp.Or(err, errStopped))
		s.answer <- err
	}()
	return &layout{files: s, docker: true, name: name}
}

// errStopped is for who goes on writing to an engine that has answered.
var errStopped = errors.New("the engine has stopped reading the image")

// maxAnswer bounds what an engine says of an image that it has loaded, in bytes.
const maxAnswer = 1 << 20

// load sends an archive, and reads the answer: an engine says in a stream of JSON whether
// it has the image.
func load(ctx context.Context, engine Loader, archive io.Reader) error {
	answer, err := engine.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("loading the image: %w", err)
	}
	defer answer.Body.Close()
	d := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer))
	for {
		var said struct{ Error string }
		switch err := d.Decode(&said); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("reading what the engine says of the image: %w", err)
		case said.Error != "":
			return fmt.Errorf("the engine refused the image: %s", said.Error)
		}
	}
}

// loading is a tar that is sent as it is written. A blob of unknown digest or size, which are
// sent before it, is kept in a temporary file until it is whole.
type loading struct {
	w      *io.PipeWriter
	has    map[digest.Digest]bool
	answer chan error // of the engine
	ended  bool
}

func (s *loading) blob(_ context.Context, known Blob, r io.Reader) (Blob, error) {
	if known.Digest == "" || known.Size < 0 {
		return s.spooled(r)
	}
	return s.known(known, r)
}

// known sends a blob of known digest and size.
func (s *loading) known(known Blob, r io.Reader) (Blob, error) {
	if s.has[known.Digest] {
		return known, nil
	}
	if err := s.head(place(known.Digest), known.Size); err != nil {
		return Blob{}, err
	}
	in := sum(io.LimitReader(r, known.Size+1))
	if _, err := io.CopyN(s.w, in, known.Size); err != nil {
		return Blob{}, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return Blob{}, err
	}
	s.has[known.Digest] = true
	if err := s.pad(known.Size); err != nil {
		return Blob{}, err
	}
	return in.blob(known)
}

func (s *loading) spooled(r io.Reader) (Blob, error) {
	f, err := os.CreateTemp("", "docker-userns-layer.*")
	if err != nil {
		return Blob{}, err
	}
	if os.Remove(f.Name()) != nil { // on Windows, only what is closed can be removed
		defer os.Remove(f.Name())
	}
	defer f.Close()
	in := sum(r)
	if _, err := io.Copy(f, in); err != nil {
		return Blob{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Blob{}, err
	}
	b, err := in.blob(unknownBlob)
	if err != nil {
		return Blob{}, err
	}
	return s.known(b, f)
}

func (s *loading) head(name string, size int64) error {
	h, err := header(name, size)
	if err == nil {
		_, err = s.w.Write(h)
	}
	return err
}

func (s *loading) pad(size int64) error {
	_, err := s.w.Write(make([]byte, -size&(headerSize-1)))
	return err
}

func (s *loading) file(name string, body []byte) error {
	if err := s.head(name, int64(len(body))); err != nil {
		return err
	}
	if _, err := s.w.Write(body); err != nil {
		return err
	}
	return s.pad(int64(len(body)))
}

func (s *loading) commit(ctx context.Context) error {
	if _, err := s.w.Write(make([]byte, 2*headerSize)); err != nil {
		return err
	}
	s.w.Close()
	s.ended = true
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// discard breaks an archive off that has not ended: the engine keeps nothing of it.
func (s *loading) discard() error {
	if s.ended {
		return nil
	}
	s.ended = true
	s.w.CloseWithError(errors.New("the image was given up"))
	<-s.answer //nolint:errcheck // it says that the image was given up
	return nil
}
