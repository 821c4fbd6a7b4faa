import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.TimeUnit;
import okhttp3.MediaType;
import okhttp3.MultipartBody;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** Uploads zeros as a form: Upload CLIENT URL BYTES TIMES KEY. Prints a status, or an error, for each time. */
public class Upload {
    public static void main(String[] args) {
        for (int i = 0; i < Integer.parseInt(args[3]); i++) {
            try {
                byte[] photo = new byte[Integer.parseInt(args[2])];
                System.out.println(args[0].equals("okhttp") ? okhttp(args[1], photo, args[4]) : jdk(args[1], photo, args[4]));
            } catch (Exception error) {
                System.out.println(error.toString().replace('\n', ' '));
            }
        }
        System.exit(0);
    }

    static int okhttp(String url, byte[] photo, String key) throws Exception {
        OkHttpClient client = new OkHttpClient.Builder().readTimeout(20, TimeUnit.SECONDS).build();
        RequestBody form = new MultipartBody.Builder()
            .setType(MultipartBody.FORM)
            .addFormDataPart("image", "p.jpg", RequestBody.create(MediaType.parse("image/jpeg"), photo))
            .build();
        Request request = new Request.Builder().url(url).header("X-API-Key", key).post(form).build();
        try (Response response = client.newCall(request).execute()) {
            response.body().string();
            return response.code();
        }
    }

    static int jdk(String url, byte[] photo, String key) throws Exception {
        byte[] head = "--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"p.jpg\"\r\n\r\n".getBytes();
        byte[] tail = "\r\n--B--\r\n".getBytes();
        byte[] body = new byte[head.length + photo.length + tail.length];
        System.arraycopy(head, 0, body, 0, head.length);
        System.arraycopy(tail, 0, body, head.length + photo.length, tail.length);
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "multipart/form-data; boundary=B")
            .header("X-API-Key", key)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
        // By default it asks for HTTP/2 with each first request.
        return java.net.http.HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
    }
}
