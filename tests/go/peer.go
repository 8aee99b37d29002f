// A TLS server and a TLS client on Go's crypto/tls, for the tests.
//
//	peer serve -cert FILE -key FILE ...   echoes; prints "ready PORT" when it listens on 127.0.0.1
//	peer dial -address HOST:PORT ...      sends stdin, closes its half, copies the answer to stdout
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

const limit = 30 * time.Second

var (
	versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	names    = map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: peer serve|dial ...")
	}
	var err error
	switch mode, args := os.Args[1], os.Args[2:]; mode {
	case "serve":
		err = serve(args)
	case "dial":
		err = dial(args)
	default:
		err = fmt.Errorf("unknown mode %q", mode)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	cert := flags.String("cert", "", "file with the chain")
	key := flags.String("key", "", "file with its key")
	clientCA := flags.String("client-ca", "", "demand a client certificate of this authority")
	p256 := flags.Bool("p256", false, "exchange keys on P-256 alone")
	alpn := flags.String("alpn", "", "protocols, with commas")
	flags.Parse(args)
	identity, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{identity}, NextProtos: split(*alpn)}
	if *p256 {
		config.CurvePreferences = []tls.CurveID{tls.CurveP256}
	}
	if *clientCA != "" {
		pool, err := roots(*clientCA)
		if err != nil {
			return err
		}
		config.ClientCAs, config.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

// echo answers each client with its own bytes; what a client does wrong ends its connection and nothing else.
func echo(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	io.Copy(conn, conn)
}

func dial(args []string) error {
	flags := flag.NewFlagSet("dial", flag.ExitOnError)
	address := flags.String("address", "", "HOST:PORT")
	ca := flags.String("ca", "", "file with the only roots to trust")
	version := flags.String("version", "", "the only version to speak: 1.2 or 1.3")
	alpn := flags.String("alpn", "", "protocols, with commas")
	flags.Parse(args)
	pool, err := roots(*ca)
	if err != nil {
		return err
	}
	config := &tls.Config{RootCAs: pool, NextProtos: split(*alpn), MinVersion: versions[*version], MaxVersion: versions[*version]}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", *address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	state := conn.ConnectionState()
	json.NewEncoder(os.Stderr).Encode(map[string]any{
		"version": names[state.Version],
		"suite":   tls.CipherSuiteName(state.CipherSuite),
		"alpn":    state.NegotiatedProtocol,
	})
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, os.Stdin)
		if closing := conn.CloseWrite(); err == nil {
			err = closing
		}
		sent <- err
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		return err
	}
	return <-sent
}

func roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return pool, nil
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
