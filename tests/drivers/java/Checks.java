// The checklist with PostgreSQL's JDBC driver. The connection comes from the PG* variables.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

public class Checks {
    interface Check {
        Object run(Connection conn) throws Exception;
    }

    static final String[][] TYPES = {
        {"bool", "t"}, {"int2", "-32768"}, {"int4", "2147483647"}, {"int8", "-9223372036854775808"}, {"float4", "1.5"},
        {"float8", "0.1"}, {"numeric", "-12345678901234567890.123456789"}, {"text", "h\u00e9rd 'quoted' \\"},
        {"bytea", "\\x00ff"}, {"date", "2024-02-29"}, {"time", "23:59:59.999999"},
        {"timestamp", "1999-12-31 23:59:59.000001"}, {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {"int4[]", "{1,2,3}"}, {"text[]", "{a,\"b,c\"}"}, {"interval", "3 days 00:00:07"}, {"inet", "10.0.0.1/8"},
        {"json", "{\"a\": 1}"},
    };

    static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("sslmode", "disable");
        for (int i = 0; i < options.length; i += 2) {
            properties.setProperty(options[i], options[i + 1]);
        }
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
            + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, properties);
    }

    static List<String> rows(ResultSet set) throws SQLException {
        List<String> all = new ArrayList<>();
        int columns = set.getMetaData().getColumnCount();
        while (set.next()) {
            StringBuilder row = new StringBuilder();
            for (int i = 1; i <= columns; i++) {
                row.append(i > 1 ? "|" : "").append(set.getString(i));
            }
            all.add(row.toString());
        }
        return all;
    }

    static List<String> query(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            return rows(statement.executeQuery(sql));
        }
    }

    static void execute(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            statement.execute(sql);
        }
    }

    static String code(Connection conn, String sql) {
        try {
            execute(conn, sql);
            return "no error";
        } catch (SQLException error) {
            return error.getSQLState() + " " + error.getMessage().split("\n")[0];
        }
    }

    static Object several(Connection conn) throws SQLException {
        List<String> all = new ArrayList<>();
        try (Statement statement = conn.createStatement()) {
            statement.execute("SELECT 1; SELECT 2; SELECT 3");
            do {
                all.addAll(rows(statement.getResultSet()));
            } while (statement.getMoreResults());
        }
        return all;
    }

    static Object prepared(Connection conn) throws SQLException {
        List<Integer> seen = new ArrayList<>();
        try (PreparedStatement statement = conn.prepareStatement("SELECT ?::int * 2")) {
            for (int n = 0; n < 20; n++) {
                statement.setInt(1, n);
                ResultSet set = statement.executeQuery();
                set.next();
                seen.add(set.getInt(1));
            }
        }
        return seen;
    }

    static Object types(Connection conn) throws SQLException {
        List<String> seen = new ArrayList<>();
        for (String[] type : TYPES) {
            try (PreparedStatement statement = conn.prepareStatement("SELECT ?::text::" + type[0])) {
                // Often enough that the driver names the statement and asks for binary results.
                for (int i = 0; i < 7; i++) {
                    statement.setString(1, type[1]);
                    seen.add(rows(statement.executeQuery()).get(0));
                }
            }
        }
        return seen;
    }

    static Object transaction(Connection conn) throws SQLException {
        execute(conn, "DROP TABLE IF EXISTS drv_jdbc");
        execute(conn, "CREATE TABLE drv_jdbc (id int PRIMARY KEY, t text)");
        conn.setAutoCommit(false);
        execute(conn, "INSERT INTO drv_jdbc VALUES (1, 'kept')");
        conn.commit();
        execute(conn, "INSERT INTO drv_jdbc VALUES (2, 'lost')");
        conn.rollback();
        execute(conn, "INSERT INTO drv_jdbc VALUES (3, 'kept')");
        Savepoint point = conn.setSavepoint();
        String twice = code(conn, "INSERT INTO drv_jdbc VALUES (3, 'twice')");
        String aborted = code(conn, "SELECT 1");
        conn.rollback(point);
        List<String> all = query(conn, "SELECT * FROM drv_jdbc ORDER BY id");
        conn.commit();
        conn.setAutoCommit(true);
        return List.of(twice, aborted, all);
    }

    static Object errors(Connection conn) throws SQLException {
        List<String> seen = new ArrayList<>();
        for (String sql : new String[] {"SELEC", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"}) {
            seen.add(code(conn, sql));
        }
        seen.addAll(query(conn, "SELECT 'alive'"));
        return seen;
    }

    static Object copy(Connection conn) throws Exception {
        execute(conn, "DROP TABLE IF EXISTS drv_jdbc_copy");
        execute(conn, "CREATE TABLE drv_jdbc_copy (id int, t text)");
        StringBuilder data = new StringBuilder();
        for (int n = 0; n < 10000; n++) {
            data.append(n).append("\tline ").append(n).append('\n');
        }
        CopyManager manager = conn.unwrap(PGConnection.class).getCopyAPI();
        conn.setAutoCommit(false);
        long in = manager.copyIn("COPY drv_jdbc_copy FROM STDIN",
            new ByteArrayInputStream(data.toString().getBytes(StandardCharsets.UTF_8)));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        manager.copyOut("COPY drv_jdbc_copy TO STDOUT", out);
        conn.commit();
        conn.setAutoCommit(true);
        String bad;
        try {
            manager.copyIn("COPY drv_jdbc_copy FROM STDIN", new ByteArrayInputStream("x\ty\n".getBytes()));
            bad = "no error";
        } catch (SQLException error) {
            bad = error.getSQLState();
        }
        return List.of(in, out.size(), bad, query(conn, "SELECT 'alive'"));
    }

    static Object fetchSize(Connection conn) throws SQLException {
        conn.setAutoCommit(false);
        long total = 0;
        try (Statement statement = conn.createStatement()) {
            statement.setFetchSize(100);
            ResultSet set = statement.executeQuery("SELECT * FROM generate_series(1, 10000)");
            while (set.next()) {
                total += set.getInt(1);
            }
        }
        List<String> few = new ArrayList<>();
        try (Statement statement = conn.createStatement()) {
            statement.setMaxRows(3);
            few.addAll(rows(statement.executeQuery("SELECT * FROM generate_series(1, 10000)")));
        }
        conn.commit();
        conn.setAutoCommit(true);
        return List.of(total, few);
    }

    static Object notifications(Connection conn) throws SQLException {
        execute(conn, "LISTEN herd_jdbc");
        try (Connection other = connect()) {
            execute(other, "NOTIFY herd_jdbc, 'moo'");
        }
        PGNotification[] got = conn.unwrap(PGConnection.class).getNotifications(20000);
        return got == null || got.length == 0 ? "nothing" : got[0].getName() + " " + got[0].getParameter();
    }

    static Object cancel(Connection conn) throws Exception {
        try (Statement statement = conn.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    statement.cancel();
                } catch (InterruptedException | SQLException error) {
                    System.err.println(error);
                }
            });
            canceller.start();
            String state = "no error";
            try {
                statement.execute("SELECT pg_sleep(60)");
            } catch (SQLException error) {
                state = error.getSQLState();
            }
            canceller.join();
            return List.of(state, query(conn, "SELECT 'alive'"));
        }
    }

    static Object batch(Connection conn) throws SQLException {
        execute(conn, "DROP TABLE IF EXISTS drv_jdbc_batch");
        execute(conn, "CREATE TABLE drv_jdbc_batch (id int PRIMARY KEY)");
        int count;
        conn.setAutoCommit(false);
        try (PreparedStatement statement = conn.prepareStatement("INSERT INTO drv_jdbc_batch VALUES (?)")) {
            for (int n = 0; n < 1000; n++) {
                statement.setInt(1, n);
                statement.addBatch();
            }
            count = statement.executeBatch().length;
            conn.commit();
        }
        String state = "no error";
        try (Statement statement = conn.createStatement()) {
            statement.addBatch("INSERT INTO drv_jdbc_batch VALUES (2000)");
            statement.addBatch("INSERT INTO drv_jdbc_batch VALUES (1)");
            statement.addBatch("INSERT INTO drv_jdbc_batch VALUES (3000)");
            statement.executeBatch();
        } catch (SQLException error) {
            state = error.getSQLState();
        }
        conn.rollback();
        List<String> sum = query(conn, "SELECT sum(id) FROM drv_jdbc_batch");
        conn.commit();
        conn.setAutoCommit(true);
        return List.of(count, state, sum);
    }

    static Object big(Connection conn) throws SQLException {
        conn.setAutoCommit(false);
        long total = 0;
        try (Statement statement = conn.createStatement()) {
            statement.setFetchSize(1000);
            ResultSet set = statement.executeQuery("SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n");
            while (set.next()) {
                total += set.getInt(1) + set.getString(2).length();
            }
        }
        conn.commit();
        conn.setAutoCommit(true);
        try (PreparedStatement statement = conn.prepareStatement("SELECT ?::text")) {
            statement.setString(1, "y".repeat(10_000_000));
            ResultSet set = statement.executeQuery();
            set.next();
            return List.of(total, set.getString(1).length());
        }
    }

    static Object readOnly(Connection conn) throws SQLException {
        conn.setReadOnly(true);
        conn.setAutoCommit(false);
        String state = code(conn, "CREATE TABLE drv_jdbc_never (id int)");
        conn.rollback();
        List<String> seen = query(conn, "SHOW transaction_read_only");
        conn.commit();
        conn.setAutoCommit(true);
        conn.setReadOnly(false);
        return List.of(state, seen);
    }

    public static void main(String[] args) throws Exception {
        Map<String, Check> checks = new LinkedHashMap<>();
        checks.put("simple", conn -> query(conn, "SELECT 1 + 1, 'a'"));
        checks.put("several statements", Checks::several);
        checks.put("prepared", Checks::prepared);
        checks.put("types", Checks::types);
        checks.put("transaction", Checks::transaction);
        checks.put("errors", Checks::errors);
        checks.put("copy", Checks::copy);
        checks.put("fetch size", Checks::fetchSize);
        checks.put("notify", Checks::notifications);
        checks.put("cancel", Checks::cancel);
        checks.put("batch", Checks::batch);
        checks.put("big", Checks::big);
        checks.put("read only", Checks::readOnly);
        for (Map.Entry<String, Check> check : checks.entrySet()) {
            report(check.getKey(), check.getValue());
        }
        report("simple protocol", conn -> {
            try (Connection simple = connect("preferQueryMode", "simple")) {
                return List.of(prepared(simple), types(simple), fetchSize(simple));
            }
        });
        report("statement cache off", conn -> {
            try (Connection plain = connect("prepareThreshold", "0")) {
                return List.of(prepared(plain), types(plain));
            }
        });
        report("autosave", conn -> {
            try (Connection careful = connect("autosave", "always")) {
                return transaction(careful);
            }
        });
    }

    static void report(String name, Check check) {
        String result;
        try (Connection conn = connect()) {
            result = String.valueOf(check.run(conn));
        } catch (Exception error) {
            result = "FAIL " + error;
        }
        System.out.println(name + ": " + result.replaceAll("\\s+", " "));
    }
}
