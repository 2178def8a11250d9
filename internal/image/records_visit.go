package image

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/klauspost/compress/gzip"
)

// A wanted file is a part of a layer: its headers, or the body of a file in it.
type wanted struct {
	layer *recordLayer
	name  string
}

const splitName = "tar-split.json.gz"

// visit reads the headers of the layers that were found, each after the few
// bodies that a visitor may ask for. The third round trip.
func (r *records) visit(ctx context.Context, v Visitor, layers []*recordLayer) {
	wants := map[host.Path]wanted{}
	var paths []host.Path
	want := func(p host.Path, w wanted) {
		wants[p] = w
		paths = append(paths, p)
	}
	for _, l := range layers {
		if l.err != errUnread || l.cache == "" {
			continue
		}
		for name, p := range r.bodyPaths(l) {
			want(p, wanted{l, name})
		}
		want(r.layerPath(l, splitName), wanted{l, splitName})
	}
	w := walker{v: v, engine: r.engine, aside: make(chan *bytes.Buffer, 1)}
	w.aside <- new(bytes.Buffer)
	err := r.readFiles(ctx, paths, func(p host.Path, body io.Reader, err error) error {
		w.take(ctx, wants[p], body, err)
		return ctx.Err()
	})
	<-w.aside
	failAll(layers, err)
}

// walker walks layers as their records come in, one after the other in a
// stream, and another one aside of them, whose record is held in memory.
type walker struct {
	v      Visitor
	engine string
	aside  chan *bytes.Buffer // holds the buffer while nobody walks aside
}

// maxAside bounds the record that is held in memory, as it is compressed: that
// of a layer of 100,000 files takes about 6 MiB.
const maxAside = 8 << 20

// take takes in one file of a layer.
func (w *walker) take(ctx context.Context, f wanted, body io.Reader, err error) {
	if f.name != splitName {
		f.layer.keep(f.name, body, err)
		return
	}
	if err != nil {
		f.layer.err = err
		return
	}
	select {
	case buf := <-w.aside:
		buf.Reset()
		n, err := io.CopyN(buf, body, maxAside)
		if err == io.EOF {
			go func() {
				f.layer.walk(ctx, w.v, w.engine, buf)
				w.aside <- buf
			}()
			return
		}
		held := bytes.NewReader(bytes.Clone(buf.Bytes()[:n]))
		w.aside <- buf
		body = io.MultiReader(held, body)
	default:
	}
	f.layer.walk(ctx, w.v, w.engine, bufio.NewReaderSize(body, 64<<10))
}

// keep holds the body of a file until the layer's headers come. One that cannot
// be had is no error before somebody asks for it.
func (l *recordLayer) keep(name string, body io.Reader, err error) {
	if err != nil {
		return
	}
	b, err := readAll(body, maxAccount)
	if err != nil {
		return
	}
	if l.bodies == nil {
		l.bodies = map[string][]byte{}
	}
	l.bodies[name] = b
}

// walk visits a layer, and reads its record to the end, where the checksum is.
func (l *recordLayer) walk(ctx context.Context, v Visitor, engine string, record io.Reader) {
	t := take(v, l.key)
	l.err = func() error {
		gz, err := gzip.NewReader(record)
		if err != nil {
			return fmt.Errorf("reading the engine's record of layer %s: %w", l.diff, err)
		}
		s := newSplitReader(ctx, gz, l.bodies)
		if err := t.walk(ctx, s); err != nil {
			return err
		}
		if s.err != nil && s.err != io.EOF {
			return s.err
		}
		_, err = io.Copy(io.Discard, gz)
		return err
	}()
	t.end(unpack.Result{Err: l.err}, layerOf(engine, l.diff))
	l.bodies = nil
}
