import java.io.FileInputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * A TLS client on JSSE, for the tests: sends stdin, and copies the answer to stdout.
 *
 * <p>java Dial.java PORT CA VERSION NAME TIMES [PKCS12 PASSWORD]: with the last two it has a certificate to show. JSSE resumes the
 * session of an earlier connection by itself.
 */
final class Dial {
    private static final int LIMIT_MS = 30_000;

    private Dial() {}

    public static void main(String[] args) throws Exception {
        KeyStore roots = KeyStore.getInstance("PKCS12");
        roots.load(null, null);
        try (InputStream file = new FileInputStream(args[1])) {
            roots.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(roots);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(args.length > 5 ? identity(args[5], args[6].toCharArray()) : null, trust.getTrustManagers(), null);
        byte[] request = System.in.readAllBytes();
        for (int times = Integer.parseInt(args[4]); times > 0; times--) {
            dial(context, Integer.parseInt(args[0]), args[2], args[3], request);
        }
    }

    private static KeyManager[] identity(String path, char[] password) throws Exception {
        KeyStore identity = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(path)) {
            identity.load(file, password);
        }
        KeyManagerFactory ours = KeyManagerFactory.getInstance("PKIX");
        ours.init(identity, password);
        return ours.getKeyManagers();
    }

    private static void dial(SSLContext context, int port, String version, String name, byte[] request) throws Exception {
        Socket plain = new Socket(InetAddress.getByName("127.0.0.1"), port);
        // The session is found again by name and port.
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, name, port, true)) {
            socket.setSoTimeout(LIMIT_MS);
            socket.setEnabledProtocols(new String[] {version});
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.getOutputStream().write(request);
            socket.getInputStream().transferTo(System.out);
        }
    }
}
