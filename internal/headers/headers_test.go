package headers

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// seen is what a walk sees of a tar: a line for each header, and the accounts.
func seen(tar io.Reader) (string, error) {
	var b strings.Builder
	for headers := tarwalk.NewReader(tar); ; {
		h, err := headers.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%q %q %d:%d %d %c %d %d\n", h.Name, h.Linkname, h.UID, h.GID, h.Size, h.Type, h.Offset, h.BodyOffset)
		if mayBeAccounts(h) {
			body, err := io.ReadAll(headers)
			fmt.Fprintf(&b, "\t%q %v\n", body, err)
		}
	}
}

// here is what a blob is seen to hold where it lies.
func here(t testing.TB, blob []byte) (string, unpack.Result) {
	t.Helper()
	var text string
	got := unpack.ReadExtent(t.Context(), bytes.NewReader(blob), 0, int64(len(blob)), digest.SHA256, func(_ context.Context, tar io.Reader) (err error) {
		text, err = seen(tar)
		return err
	})
	return text, got
}

// blobsIn puts blobs where Serve finds them.
func blobsIn(t testing.TB, blobs ...[]byte) (dir string, digests []digest.Digest) {
	t.Helper()
	dir = t.TempDir()
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	for _, b := range blobs {
		d := digest.FromBytes(b)
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "blobs/sha256", d.Encoded()), b, 0o644))
		digests = append(digests, d)
	}
	return dir, digests
}

// sent is what the same blobs are seen to hold from afar.
func sent(t testing.TB, answer io.Reader, digests []digest.Digest) (texts []string, results []unpack.Result, err error) {
	texts, results = make([]string, len(digests)), make([]unpack.Result, len(digests))
	err = Receive(answer, digests, func(i int, tar tarwalk.Skipper) (err error) {
		texts[i], err = seen(tar)
		return err
	}, func(i int, got unpack.Result) { results[i] = got })
	return texts, results, err
}

// sample is a tar with all that matters.
func sample(bodies int) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h *tar.Header, body string) {
		h.Size = int64(len(body))
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, body)
	}
	add(&tar.Header{Name: "etc/", Typeflag: tar.TypeDir}, "")
	add(&tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg}, "root:x:0:0::/root:/bin/sh\napp:x:70000:70000::/:/bin/sh\n")
	add(&tar.Header{Name: "./etc//group", Typeflag: tar.TypeReg}, strings.Repeat("g:x:1:\n", 2000))
	for i := range bodies {
		h := &tar.Header{Name: fmt.Sprintf("usr/lib/%d/f%s", i, strings.Repeat("long", i%70)), Typeflag: tar.TypeReg, Uid: i, Gid: 1 << (i % 40)}
		if i%3 == 0 {
			h.PAXRecords = map[string]string{"comment": strings.Repeat("x", i)}
		}
		add(h, strings.Repeat(string(rune('a'+i%26)), i*37))
	}
	add(&tar.Header{Name: "etc/.wh.shadow", Typeflag: tar.TypeReg}, "")
	add(&tar.Header{Name: "usr/passwd", Typeflag: tar.TypeLink, Linkname: "etc/passwd"}, "")
	w.Close()
	return b.Bytes()
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstded(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

// What is seen from afar of blobs of each kind, sound or not, is what is seen where they lie.
func TestSentAsSeen(t *testing.T) {
	plain := sample(300)
	bad := bytes.Clone(plain)
	copy(bad[3*blockSize:], "broken header")
	var blobs [][]byte
	for _, b := range [][]byte{plain, plain[:len(plain)/2], plain[:len(plain)-700], bad, {}, sample(0)} {
		packed := gzipped(b)
		blobs = append(blobs, b, packed, packed[:len(packed)/2], zstded(b))
	}
	blobs = append(blobs, []byte("{}"), []byte("BZh91AY"), []byte("neither"), gzipped(bytes.Repeat([]byte("x"), 1<<20)))
	for i := range blobs {
		if len(blobs[i]) == 0 {
			blobs[i] = make([]byte, 1024)
		}
	}
	dir, digests := blobsIn(t, blobs...)
	var answer bytes.Buffer
	assert.NilError(t, Serve(t.Context(), dir, digests, &answer))
	texts, results, err := sent(t, &answer, digests)
	assert.NilError(t, err)
	for i := range blobs {
		text, want := here(t, blobs[i])
		got := results[i]
		assert.Equal(t, texts[i], text, "blob %d", i)
		assert.Equal(t, got.Sum, want.Sum, "blob %d", i)
		assert.Equal(t, got.Form, want.Form, "blob %d", i)
		const first = "reading the tar entry at byte 0: " // or nothing was read of it yet
		assert.Equal(t, strings.TrimPrefix(fmt.Sprint(got.Err), first), strings.TrimPrefix(fmt.Sprint(want.Err), first), "blob %d", i)
	}
}

// Few bytes are sent of a layer with large files.
func TestBodiesAreNotSent(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	body := make([]byte, 1<<20)
	for i := range body {
		body[i] = byte(i * i >> 3)
	}
	for i := range 20 {
		assert.NilError(t, w.WriteHeader(&tar.Header{Name: fmt.Sprint("f", i), Typeflag: tar.TypeReg, Size: int64(len(body))}))
		w.Write(body)
	}
	w.Close()
	dir, digests := blobsIn(t, b.Bytes(), zstded(b.Bytes()))
	var answer bytes.Buffer
	assert.NilError(t, Serve(t.Context(), dir, digests, &answer))
	assert.Assert(t, answer.Len() < 4000, "%d bytes", answer.Len())
}

// A blob that is missing, is no file, or takes too long has an error of its own.
func TestBlobsThatCannotBeRead(t *testing.T) {
	dir, digests := blobsIn(t, zstded(sample(3)))
	digests = append(digests, digest.FromString("missing"), digest.FromString("folder"), "sha256:../../../etc/shadow")
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "blobs/sha256", digests[2].Encoded()), 0o755))
	var answer bytes.Buffer
	assert.NilError(t, Serve(t.Context(), dir, digests, &answer))
	_, results, err := sent(t, &answer, digests)
	assert.NilError(t, err)
	assert.NilError(t, results[0].Err)
	assert.ErrorContains(t, results[1].Err, "no such file")
	assert.ErrorContains(t, results[2].Err, "not a regular file")
	assert.ErrorContains(t, results[3].Err, "invalid checksum digest")

	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	answer.Reset()
	assert.NilError(t, Serve(ctx, dir, digests[:1], &answer))
	_, results, err = sent(t, &answer, digests[:1])
	assert.NilError(t, err)
	assert.ErrorIs(t, results[0].Err, context.DeadlineExceeded)
}

// An answer that is cut off anywhere, or lists blobs twice, is not taken for whole.
func TestAnswersThatAreNotWhole(t *testing.T) {
	dir, digests := blobsIn(t, sample(5), zstded(sample(6)))
	var answer bytes.Buffer
	assert.NilError(t, Serve(t.Context(), dir, digests, &answer))
	whole := answer.Bytes()
	for n := range whole {
		_, _, err := sent(t, bytes.NewReader(whole[:n]), digests)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "after %d bytes", n)
	}
	var one bytes.Buffer
	assert.NilError(t, Serve(t.Context(), dir, digests[:1], &one))
	_, _, err := sent(t, io.MultiReader(bytes.NewReader(one.Bytes()), bytes.NewReader(one.Bytes())), digests)
	assert.ErrorIs(t, err, errMalformed)
}

// Gaps cost the sender next to nothing, so they count like the headers between them: an
// answer cannot go on for ever with gaps alone.
func TestGapsAreBounded(t *testing.T) {
	events := append([]byte{0}, bytes.Repeat([]byte{2}, 100)...) // gaps of one byte
	for _, visit := range []func(int, tarwalk.Skipper) error{
		func(int, tarwalk.Skipper) error { return nil },
		func(_ int, tar tarwalk.Skipper) error { return tar.Skip(1000) },
	} {
		a := answer{left: 99 * blockSize, seen: make([]bool, 1)}
		err := a.member(bufio.NewReader(bytes.NewReader(events)), visit, func(int, unpack.Result) {})
		assert.ErrorIs(t, err, errMalformed)
	}
}
