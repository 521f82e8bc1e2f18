// SPDX-License-Identifier: BSL-1.0

// The scenarios of the thread benchmark in Go: goroutines, on as many threads as there are processors.
// ../scenarios.hpp says what each scenario is and what is printed. Go has no unbounded channel. The message is a
// type of message_*.go; each makes a program of its own, because calls through a type parameter would cost Go time.
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano() + used.Stime.Nano())
}

func resident() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * 4096
}

func check(sum, wanted uint64) {
	if sum != wanted {
		fmt.Fprintln(os.Stderr, "wrong sum")
		os.Exit(4)
	}
}

func sumBelow(n int) uint64 { return uint64(n) * uint64(n-1) / 2 }

func timed(n int, work func()) {
	used, begin := cpu(), time.Now()
	work()
	wall := float64(time.Since(begin).Nanoseconds())
	fmt.Printf("wall=%.3f cpu=%.3f\n", wall/float64(n), (cpu()-used)/float64(n))
}

func sendAll(to chan<- message, n int) {
	for i := 0; i < n; i++ {
		to <- newMessage(uint64(i))
	}
}

func recvAll(from <-chan message, n int) uint64 {
	sum := uint64(0)
	for i := 0; i < n; i++ {
		sum += value(<-from)
	}
	return sum
}

func seq(capacity, n int) {
	timed(n, func() {
		ch := make(chan message, capacity)
		sendAll(ch, n)
		check(recvAll(ch, n), sumBelow(n))
	})
}

func stream(producers, consumers, capacity, n int) {
	timed(n, func() {
		ch := make(chan message, capacity)
		share := n / producers
		var sum uint64
		var wg sync.WaitGroup
		wg.Add(producers)
		for i := 0; i < producers; i++ {
			go func() {
				sendAll(ch, share)
				wg.Done()
			}()
		}
		if consumers == 1 {
			sum = recvAll(ch, n)
		} else {
			wg.Add(consumers)
			for i := 0; i < consumers; i++ {
				go func() {
					atomic.AddUint64(&sum, recvAll(ch, n/consumers))
					wg.Done()
				}()
			}
		}
		wg.Wait()
		check(sum, uint64(producers)*sumBelow(share))
	})
}

func four(capacity int) []chan message {
	channels := make([]chan message, 4)
	for i := range channels {
		channels[i] = make(chan message, capacity)
	}
	return channels
}

func recvAny(from []chan message, n int) uint64 {
	a, b, c, d := from[0], from[1], from[2], from[3]
	sum := uint64(0)
	for i := 0; i < n; i++ {
		var m message
		select {
		case m = <-a:
		case m = <-b:
		case m = <-c:
		case m = <-d:
		}
		sum += value(m)
	}
	return sum
}

func sendAny(to []chan message, n int) {
	a, b, c, d := to[0], to[1], to[2], to[3]
	for i := 0; i < n; i++ {
		m := newMessage(uint64(i))
		select {
		case a <- m:
		case b <- m:
		case c <- m:
		case d <- m:
		}
	}
}

func selectRx(capacity, n int) {
	timed(n, func() {
		channels := four(capacity)
		var wg sync.WaitGroup
		wg.Add(4)
		for _, ch := range channels {
			go func(to chan<- message) {
				sendAll(to, n/4)
				wg.Done()
			}(ch)
		}
		check(recvAny(channels, n), 4*sumBelow(n/4))
		wg.Wait()
	})
}

func selectBoth(capacity, n int) {
	timed(n, func() {
		channels := four(capacity)
		var sum uint64
		var wg sync.WaitGroup
		wg.Add(8)
		for i := 0; i < 4; i++ {
			go func() {
				sendAny(channels, n/4)
				wg.Done()
			}()
			go func() {
				atomic.AddUint64(&sum, recvAny(channels, n/4))
				wg.Done()
			}()
		}
		wg.Wait()
		check(sum, 4*sumBelow(n/4))
	})
}

func pingpong(capacity, n int) {
	there, back := make(chan message, capacity), make(chan message, capacity)
	go func() {
		for i := 0; i < n; i++ {
			back <- <-there
		}
	}()
	trips := make([]float64, n)
	for i := range trips {
		trips[i] = 1
	}
	used, begin := cpu(), time.Now()
	before := time.Duration(0)
	for i := 0; i < n; i++ {
		there <- newMessage(uint64(i))
		check(value(<-back), uint64(i))
		after := time.Since(begin)
		trips[i] = float64((after - before).Nanoseconds())
		before = after
	}
	spent := cpu() - used
	sort.Float64s(trips)
	at := func(share float64) float64 { return trips[int(share*float64(n-1))] }
	fmt.Printf("p50=%.0f p99=%.0f p999=%.0f wall=%.3f cpu=%.3f\n", at(0.5), at(0.99), at(0.999),
		float64(before.Nanoseconds())/float64(n), spent/float64(n))
}

func idleChannel(capacity, n int) {
	channels := make([]chan message, n)
	before := resident()
	for i := range channels {
		channels[i] = make(chan message, capacity)
	}
	fmt.Printf("bytes=%.0f\n", (resident()-before)/float64(n))
	if channels[n-1] == nil {
		os.Exit(4)
	}
}

func idleCPU(capacity, milliseconds int) {
	ch := make(chan message, capacity)
	done := make(chan bool)
	go func() {
		check(value(<-ch), 7)
		done <- true
	}()
	time.Sleep(50 * time.Millisecond)
	used, begin := cpu(), time.Now()
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	fmt.Printf("percent=%.2f\n", (cpu()-used)/float64(time.Since(begin).Nanoseconds())*100)
	ch <- newMessage(7)
	<-done
}

func main() {
	bar := -1
	if len(os.Args) == 4 || len(os.Args) == 5 {
		bar = strings.LastIndex(os.Args[2], "_")
	}
	if bar < 0 || len(os.Args) == 5 && os.Args[4] != messageName {
		fmt.Fprintln(os.Stderr, "usage: PROGRAM SYSTEM CELL N ["+messageName+"]")
		os.Exit(2)
	}
	n, _ := strconv.Atoi(os.Args[3])
	shape, room := os.Args[2][:bar], os.Args[2][bar+1:]
	capacity, err := strconv.Atoi(room)
	if room == "n" {
		capacity, err = n, nil
	}
	threads := 4
	if digit := strings.IndexAny(shape, "0123456789"); digit >= 0 {
		threads, _ = strconv.Atoi(shape[digit:])
		shape = shape[:digit]
	}
	switch {
	case err != nil: // unbounded
		shape = ""
	case shape == "seq" && capacity >= n:
		seq(capacity, n)
	case shape == "spsc":
		stream(1, 1, capacity, n)
	case shape == "mpsc":
		stream(threads, 1, capacity, n)
	case shape == "mpmc":
		stream(threads, threads, capacity, n)
	case shape == "select_rx":
		selectRx(capacity, n)
	case shape == "select_both":
		selectBoth(capacity, n)
	case shape == "pingpong":
		pingpong(capacity, n)
	case shape == "idlechannel":
		idleChannel(capacity, n)
	case shape == "idlecpu":
		idleCPU(capacity, n)
	default:
		shape = ""
	}
	if shape == "" {
		fmt.Fprintln(os.Stderr, "Go has no "+os.Args[2])
		os.Exit(3)
	}
}
