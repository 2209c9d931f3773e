//! Wrong commands: each says what to type instead, and ends with exit code 2.

use earnorm::cli::{Exit, Target};

use super::{bare, fill, registry, run};

#[tokio::test]
async fn a_wrong_command_says_what_to_type_instead() {
    let cases = [
        ("lgo", "`shop cli log`"),
        ("tail", "`shop cli log tail`"),
        ("show guest-1", "`shop cli log show` or `shop cli stream show`"),
        ("stats", "`shop cli log stats`"),
        ("migrate", "`shop cli upgrade`"),
        ("log tial", "'tail'"),
        ("log tail --flow", "'--follow'"),
        ("log tail --type User.created", "lower-case words"),
        ("log tail --since yesterday", "10m"),
        ("log tail --until 1h --follow", "cannot be used with"),
        ("stream show 42", "category-key"),
        ("stream show guest-1 --at-version 0", "--at-version"),
        ("schema", "lock"),
        ("lock", "`shop cli schema lock`"),
        ("truncate 5", "--archive"),
        ("verify", "EARNORM_STORE"),
    ];
    for (line, instead) in cases {
        let ran = run(Target::Address, line).await;
        assert_eq!(ran.out, "", "{line}");
        ran.fails(Exit::Usage, &[instead]);
    }
}

#[tokio::test]
async fn help_is_no_error_and_lists_commands_and_exit_codes() {
    for line in ["--help", "help", "-h"] {
        let help = run(Target::Address, line).await.ok();
        let parts = [
            "log", "stream", "models", "hooks", "schema", "doctor", "rebuild", "verify", "upgrade", "export", "import",
        ];
        for part in parts.iter().chain(&["adopt", "truncate", "erase", "Exit codes", "130"]) {
            assert!(help.contains(part), "{part} is not in {help}");
        }
        assert!(help.contains("Usage: shop cli"), "{help}");
    }
    assert!(run(Target::Address, "--version").await.ok().contains(env!("CARGO_PKG_VERSION")));
}

every_store! {
    async fn unknown_names_bring_the_nearest_ones(db: Database) {
        fill(&db).await;
        run(&db, "verify guset").await.fails(Exit::Usage, &["no model is named `guset`", "did you mean guest?"]);
        run(&db, "models zebra").await.fails(Exit::Usage, &["known models: bill, guest"]);
        run(&db, "hooks gest").await.fails(Exit::Usage, &["did you mean guest?"]);
        run(bare(&db), "stream show gest-1").await.fails(Exit::Failed, &["no events", "did you mean guest?"]);
        run(bare(&db), "stream show bill-zzz").await.fails(Exit::Failed, &["`log tail --category bill`"]);
        run(bare(&db), "stream show bill-b").await.fails(Exit::Failed, &["did you mean bill-b-1?"]);
        run(bare(&db), "stream show bill-b-2").await.fails(Exit::Failed, &["did you mean bill-b-1?"]);
        run(bare(&db), "log tail --category gest").await.fails(Exit::Failed, &["did you mean guest?"]);
        let error = run(&db, "verify guset --json").await.err;
        let error: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert_eq!((error["exit"].as_i64(), error["hint"].as_str()), (Some(2), Some("did you mean guest?")));
    }
}
