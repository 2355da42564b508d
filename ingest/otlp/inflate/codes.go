package inflate

import "encoding/binary"

// inSlack is what quick wants to have of the input: two loads of bits.
const inSlack = 16

// Slack is the room that the quick way wants to have behind what it writes: for two literals before a longest match, which may be written up to
// sixteen bytes too far. With less the careful way goes on, some times slower.
const Slack = 2 + 258 + 16

// quick unpacks while there is room enough that nothing has to be checked for each byte. It ends at the end of the block or close to the end
// of the room or of the input.
func (d *Decoder) quick(out []byte, at, first int) (int, error) {
	src, pos, b, n := d.src, d.pos, d.bits, d.n
	lit, dist := &d.lit, &d.dist
	inEnd, outEnd := len(src)-inSlack, len(out)-Slack
	what := ""
	if d.length > 0 || pos > inEnd || at > outEnd {
		return at, nil
	}
	b, n, pos = load(src, b, n, pos)
	e := lit[b&(1<<litBits-1)]
loop:
	for pos <= inEnd && at <= outEnd {
		if e&isLiteral != 0 {
			b >>= e & 63
			n -= uint(e & 255)
			out[at] = byte(e >> 16)
			at++
			e = lit[b&(1<<litBits-1)]
			if e&isLiteral != 0 {
				b >>= e & 63
				n -= uint(e & 255)
				out[at] = byte(e >> 16)
				at++
				e = lit[b&(1<<litBits-1)]
				if e&isLiteral != 0 {
					b >>= e & 63
					n -= uint(e & 255)
					out[at] = byte(e >> 16)
					at++
					e = lit[b&(1<<litBits-1)]
					b, n, pos = load(src, b, n, pos)
					continue
				}
			}
		}
		if e&isSpecial != 0 {
			if e&isLink != 0 {
				b >>= litBits
				n -= litBits
				e = lit[(uint64(e>>16)+b&(1<<(e>>8&15)-1))&(litSize-1)]
				if e&isLiteral != 0 {
					b >>= e & 63
					n -= uint(e & 255)
					out[at] = byte(e >> 16)
					at++
					e = lit[b&(1<<litBits-1)]
					b, n, pos = load(src, b, n, pos)
					continue
				}
			}
			if e&isSpecial != 0 {
				if e&isEnd == 0 {
					what = "code"
					break
				}
				b >>= e & 63
				n -= uint(e & 255)
				d.blockEnds()
				break
			}
		}
		length := int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
		b >>= e & 63
		n -= uint(e & 255)

		x := dist[b&(1<<distBits-1)]
		b, n, pos = load(src, b, n, pos)
		if x&isSpecial != 0 {
			if x&isLink != 0 {
				b >>= distBits
				n -= distBits
				x = dist[(uint64(x>>16)+b&(1<<(x>>8&15)-1))&(distSize-1)]
			}
			if x&isSpecial != 0 {
				what = "code of a distance"
				break loop
			}
		}
		back := int(x>>16) + int(b&(1<<(x&63)-1)>>(x>>8&15))
		b >>= x & 63
		n -= uint(x & 255)
		if back > at-first {
			what = "distance"
			break
		}
		// The next entry is on its way while the match is copied. Of at least 56 bits no more than 28 were taken.
		e = lit[b&(1<<litBits-1)]
		b, n, pos = load(src, b, n, pos)
		from, end := at-back, at+length
		switch {
		case back >= 16:
			for {
				x, y := binary.LittleEndian.Uint64(out[from:]), binary.LittleEndian.Uint64(out[from+8:])
				binary.LittleEndian.PutUint64(out[at:], x)
				binary.LittleEndian.PutUint64(out[at+8:], y)
				at += 16
				from += 16
				if at >= end {
					break
				}
			}
		case back >= 8:
			for ; at < end; at, from = at+8, from+8 {
				binary.LittleEndian.PutUint64(out[at:], binary.LittleEndian.Uint64(out[from:]))
			}
		default:
			for ; at < end; at, from = at+1, from+1 {
				out[at] = out[from]
			}
		}
		at = end
	}
	d.pos, d.bits, d.n = pos, b&(1<<(n&63)-1), n
	if what != "" {
		return at, d.corrupt(what)
	}
	return at, nil
}

// load fills b up to 56 bits and more. Bits above the n-th are those that come next already, so that loading them again changes nothing.
func load(src []byte, b uint64, n uint, pos int) (uint64, uint, int) {
	return b | binary.LittleEndian.Uint64(src[pos:])<<(n&63), n | 56, pos + int((63-n)>>3)
}

// careful unpacks one literal or match, where the input or the room may end at any byte.
func (d *Decoder) careful(out []byte, at, first int) (_ int, full bool, err error) {
	if d.length == 0 {
		if at == len(out) {
			return at, true, nil
		}
		e, value, err := d.symbol(d.lit[:], litBits)
		switch {
		case err != nil:
			return at, false, err
		case e&isLiteral != 0:
			out[at] = byte(e >> 16)
			return at + 1, false, nil
		case e&isEnd != 0:
			d.blockEnds()
			return at, false, nil
		}
		_, back, err := d.symbol(d.dist[:], distBits)
		if err != nil {
			return at, false, err
		}
		d.length, d.back = value, back
	}
	if d.back > at-first {
		return at, false, d.corrupt("distance")
	}
	n := min(d.length, len(out)-at)
	for range n {
		out[at] = out[at-d.back]
		at++
	}
	d.length -= n
	return at, d.length > 0, nil
}

// symbol takes the next code and its extra bits. The value is that of a length or distance.
func (d *Decoder) symbol(table []uint32, width uint) (e uint32, value int, err error) {
	d.refill()
	b, n := d.bits, d.n
	e = table[b&(1<<width-1)]
	if e&isLink != 0 {
		b >>= width
		n -= min(width, n)
		e = table[uint64(e>>16)+b&(1<<(e>>8&15)-1)]
	}
	if taken := uint(e & 255); taken > n || e&(isSpecial|isEnd) == isSpecial && n < maxCode {
		return 0, 0, d.torn()
	} else if e&(isSpecial|isEnd) == isSpecial {
		return 0, 0, d.corrupt("code")
	}
	d.bits = b >> (e & 63)
	d.n = n - uint(e&255)
	return e, int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15)), nil
}
