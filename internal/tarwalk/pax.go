package tarwalk

import "bytes"

// record is a PAX record that matters here: it says something of the Header, or
// makes archive/tar refuse the entry.
type record int

const (
	paxPath record = iota
	paxLinkpath
	paxUID
	paxGID
	paxSize
	paxAtime
	paxMtime
	paxCtime
	sparseMajor
	sparseMinor
	sparseName
	sparseSize
	sparseRealSize
	sparseNumBlocks
	sparseMap
	numRecords
	otherRecord = -1
)

func recordOf(key []byte) record {
	switch string(key) {
	case "path":
		return paxPath
	case "linkpath":
		return paxLinkpath
	case "uid":
		return paxUID
	case "gid":
		return paxGID
	case "size":
		return paxSize
	case "atime":
		return paxAtime
	case "mtime":
		return paxMtime
	case "ctime":
		return paxCtime
	case "GNU.sparse.major":
		return sparseMajor
	case "GNU.sparse.minor":
		return sparseMinor
	case "GNU.sparse.name":
		return sparseName
	case "GNU.sparse.size":
		return sparseSize
	case "GNU.sparse.realsize":
		return sparseRealSize
	case "GNU.sparse.numblocks":
		return sparseNumBlocks
	case "GNU.sparse.map":
		return sparseMap
	}
	return otherRecord
}

// pax holds the records of one extended header. An empty value is the same as
// none (pax(1)), and the last of several counts.
type pax struct {
	present bool
	buf     []byte // the header's body: values are slices of it
	values  [numRecords][]byte
	pairs   []byte // the map of a sparse file in format 0.0, put together
}

// parse reads the records that are in buf.
func (p *pax) parse() error {
	p.present = true
	p.values = [numRecords][]byte{}
	p.pairs = p.pairs[:0]
	pairs := 0
	for rest := p.buf; len(rest) > 0; {
		var key, value []byte
		var ok bool
		if key, value, rest, ok = cutRecord(rest); !ok {
			return malformed("PAX record")
		}
		if k := recordOf(key); k != otherRecord {
			p.values[k] = value
		} else if half := sparseHalf(key); half >= 0 {
			if half != pairs%2 || bytes.IndexByte(value, ',') >= 0 {
				return malformed("PAX sparse map")
			}
			if pairs++; pairs > 1 {
				p.pairs = append(p.pairs, ',')
			}
			p.pairs = append(p.pairs, value...)
		}
	}
	if pairs > 0 {
		p.values[sparseMap] = p.pairs
	}
	return nil
}

// sparseHalf says which half of a pair of format 0.0 a record is, or -1.
func sparseHalf(key []byte) int {
	switch string(key) {
	case "GNU.sparse.offset":
		return 0
	case "GNU.sparse.numbytes":
		return 1
	}
	return -1
}

// cutRecord takes the first record off s: "%d %s=%s\n", the number being the
// length of it all. As archive/tar it refuses a NUL in a key and in the value
// of a name.
func cutRecord(s []byte) (key, value, rest []byte, ok bool) {
	space := bytes.IndexByte(s, ' ')
	if space < 0 {
		return nil, nil, nil, false
	}
	n, ok := decimal(s[:space])
	if !ok || n < 5 || n > int64(len(s)) || n <= int64(space)+1 || s[n-1] != '\n' {
		return nil, nil, nil, false
	}
	key, value, ok = bytes.Cut(s[space+1:n-1], []byte{'='})
	if !ok || len(key) == 0 {
		return nil, nil, nil, false
	}
	nul := key
	switch string(key) {
	case "path", "linkpath", "uname", "gname":
		nul = value
	}
	return key, value, s[n:], bytes.IndexByte(nul, 0) < 0
}

// merge puts what the records say over what the header block says.
func (p *pax) merge(h *Header) error {
	if v := p.values[paxPath]; len(v) > 0 {
		h.Name = v
	}
	if v := p.values[paxLinkpath]; len(v) > 0 {
		h.Linkname = v
	}
	for k, to := range [...]*int64{paxUID: &h.UID, paxGID: &h.GID, paxSize: &h.Size} {
		if v := p.values[k]; to != nil && len(v) > 0 {
			n, ok := decimal(v)
			if !ok {
				return malformed("PAX number")
			}
			*to = n
		}
	}
	for k := paxAtime; k <= paxCtime; k++ {
		if v := p.values[k]; len(v) > 0 && !isTime(v) {
			return malformed("PAX time")
		}
	}
	return nil
}

// isTime reports whether v is a PAX time: seconds, or seconds and a fraction.
func isTime(v []byte) bool {
	seconds, fraction, _ := bytes.Cut(v, []byte{'.'})
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return false
		}
	}
	_, ok := decimal(seconds)
	return ok
}
