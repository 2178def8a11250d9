package tarwalk

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestAgreesOnRandomArchives holds tarwalk to archive/tar on archives that
// archive/tar wrote, on archives put together block by block, and on both with
// bytes changed or cut off. The name of a failed subtest is its seed.
func TestAgreesOnRandomArchives(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, seed))
			data := written(rng)
			if seed%2 == 1 {
				data = assembled(rng)
			}
			agreeReading(t, data, readings[rng.IntN(len(readings))])
			for range 5 {
				agreeReading(t, damage(rng, data), readings[rng.IntN(len(readings))])
			}
		})
	}
}

// written is what the Writer of archive/tar makes of random headers.
func written(rng *rand.Rand) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for range rng.IntN(30) {
		h := &tar.Header{
			Typeflag: "0123456"[rng.IntN(7)], Name: randomName(rng), Mode: int64(rng.IntN(0o7777)), ModTime: time.Unix(rng.Int64N(1<<34), rng.Int64N(2)),
			Uid: randomID(rng), Gid: randomID(rng), Format: []tar.Format{0, 0, tar.FormatGNU, tar.FormatPAX, tar.FormatUSTAR}[rng.IntN(5)],
		}
		if h.Typeflag == tar.TypeLink || h.Typeflag == tar.TypeSymlink {
			h.Linkname = randomName(rng)
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = rng.Int64N(2000) * rng.Int64N(40)
		}
		if rng.IntN(5) == 0 {
			h.PAXRecords = map[string]string{"SCHILY.xattr.user.x": randomName(rng), "comment": "x"}
		}
		if rng.IntN(20) == 0 {
			h = &tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"path": randomName(rng)}}
		}
		if w.WriteHeader(h) == nil { // some IDs and names fit no format
			w.Write(bytes.Repeat([]byte{'x'}, int(h.Size)))
		}
	}
	w.Close()
	return out.Bytes()
}

// assembled is made of extended headers and files of all formats, in any order.
func assembled(rng *rand.Rand) []byte {
	var s strings.Builder
	for range rng.IntN(30) {
		body := strings.Repeat("b", rng.IntN(1500))
		format := []set{func(*block) {}, v7, gnu, star, prefix(randomName(rng))}[rng.IntN(5)]
		switch rng.IntN(8) {
		case 0:
			s.WriteString(extended("xg"[rng.IntN(2)], "path", randomName(rng), "uid", fmt.Sprint(randomID(rng)), "mtime", "1.5"))
		case 1:
			s.WriteString(file("LK"[rng.IntN(2)], "L", randomName(rng), gnu))
		case 2:
			s.WriteString(oldSparse("s", int64(len(body)), 5000, pair(5, 5)+pair(rng.Int64N(20), 9), rng.IntN(2) == 0))
			s.WriteString(moreSparse(pair(100, 100), false) + pad(body))
		case 3:
			s.WriteString(strings.TrimSuffix(sparse1(rng.Int64N(100), fmt.Sprintf("1\n%d\n9\n", rng.IntN(50)), body), end))
		default:
			s.WriteString(file("\x000123456789S"[rng.IntN(12)], randomName(rng), body, format))
		}
	}
	return []byte(s.String() + end)
}

// damage changes a few bytes, or one field of a header block, or cuts the end.
func damage(rng *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	switch rng.IntN(3) {
	case 0:
		for range 1 + rng.IntN(3) {
			data[rng.IntN(len(data))] = byte(rng.IntN(256))
		}
	case 1:
		b := (*block)(data[rng.IntN(len(data)/blockSize)*blockSize:])
		if IsHeader(b[:]) {
			field := []int{0, 100, 108, 116, 124, 136, 156, 257, 329, 345, 386, 483}[rng.IntN(12)]
			b[field+rng.IntN(8)] = "\x00 0789x\x80\xff"[rng.IntN(9)]
			seal(b)
		}
	case 2:
		data = data[:rng.IntN(len(data)+1)]
	}
	return data
}

func randomName(rng *rand.Rand) string {
	name := strings.Repeat([]string{"dir/", "n", "ü", "\xff"}[rng.IntN(4)], 1+rng.IntN(90))
	return name + []string{"", "/", "x"}[rng.IntN(3)]
}

func randomID(rng *rand.Rand) int {
	return int([]int64{0, 1000, 65535, 65536, 1 << 21, 1516583083, 1 << 32, 1 << 56, -1, rng.Int64()}[rng.IntN(10)])
}
