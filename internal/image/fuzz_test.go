package image

import (
	"bytes"
	"testing"
)

// FuzzArchive reads anything as an archive in a file and as a stream. Neither
// may panic, and where both find nothing wrong they must have read the same.
func FuzzArchive(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, inFile := fuzzFile(t, b)
		s, inStream := fuzzStream(t, b, Options{Platform: "all"})
		if a && s && inFile != inStream {
			t.Errorf("in a file:\n%s\nin a stream:\n%s", inFile, inStream)
		}
	})
}

// FuzzReadStream reads anything as what an engine sends, trusting it and not:
// what holds against its digests must be the same unchecked.
func FuzzReadStream(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		checked, want := fuzzStream(t, b, Options{})
		trusted, got := fuzzStream(t, b, Options{Trusted: true})
		if checked && (!trusted || got != want) {
			t.Errorf("checked:\n%s\nunchecked:\n%s", want, got)
		}
	})
}

func seed(f *testing.F) {
	small := picture{tag: "s:1", layers: []string{layer("a:1:2"), layer("b/:0:0", "b/.wh.c:70000:0")}}
	other := picture{tag: "s:1", platform: "linux/s390x", layers: small.layers[:1]}
	for _, files := range [][]file{
		saved20(small, web), saved25(small), bothKinds(gzipOf, small), layout(zstdOf, small, other), layout(gzipOf, other, small),
		foreign(small, web), deep(3), without(saved20(small), "manifest.json"),
	} {
		f.Add(packed(files))
	}
	f.Add([]byte(gzipOf(string(packed(saved20(web))))))
	f.Add(append(packed(saved20(web))[:3000], `{"message":"no"}`...))
	f.Add(sparseTar())
}

func fuzzFile(t *testing.T, b []byte) (ok bool, read string) {
	v := newRecorder()
	images, err := fileSource{path: "-", o: Options{Platform: "all"}}.read(t.Context(), v, bytes.NewReader(b), int64(len(b)))
	return fuzzResult(v, images, err)
}

func fuzzStream(t *testing.T, b []byte, o Options) (ok bool, read string) {
	v := newRecorder()
	images, err := reading{where: "-", o: o}.stream(t.Context(), v, bytes.NewReader(b))
	return fuzzResult(v, images, err)
}

func fuzzResult(v *recorder, images []Image, err error) (ok bool, read string) {
	ok = err == nil
	for _, img := range images {
		ok = ok && img.Err == nil
	}
	return ok, v.flatAll(images)
}
