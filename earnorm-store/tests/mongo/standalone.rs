//! A server that is no replica set, played by a few lines of its wire protocol: it answers every command with the
//! `hello` of a standalone server.

use bson::{Document, doc};
use earnorm_core::Error;
use earnorm_store::mongo::MongoStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const OP_MSG: i32 = 2013;
const OP_REPLY: i32 = 1;

/// Answers what says `lsid`, as commands of programs do and looks of the driver do not, with `asked`.
async fn serve(mut peer: TcpStream, hello: Document, asked: Document) -> std::io::Result<()> {
    loop {
        let mut header = [0; 16];
        peer.read_exact(&mut header).await?;
        let number = |at: usize| i32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let mut body = vec![0; usize::try_from(number(0)).expect("a length") - 16];
        peer.read_exact(&mut body).await?;
        let is_asked = body.windows(5).any(|part| part == b"lsid\0");
        let answer = if is_asked { &asked } else { &hello }.to_vec().expect("a document");
        // Flags and a section of kind 0; an older question gets flags, cursor, start and count.
        let (code, lead): (i32, Vec<u8>) = if number(12) == OP_MSG {
            (OP_MSG, vec![0; 5])
        } else {
            (OP_REPLY, [8_i32.to_le_bytes(), [0; 4], [0; 4], [0; 4], 1_i32.to_le_bytes()].concat())
        };
        let length = i32::try_from(16 + lead.len() + answer.len()).expect("small");
        let mut reply = [length, 1, number(4), code].map(i32::to_le_bytes).concat();
        reply.extend(lead);
        reply.extend(answer);
        peer.write_all(&reply).await?;
    }
}

/// The address of a server that says `hello` to everyone, until the test's runtime ends.
async fn server(hello: Document) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    play(listener, hello.clone(), hello);
    address
}

fn play(listener: TcpListener, hello: Document, asked: Document) {
    tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            tokio::spawn(serve(peer, hello.clone(), asked.clone()));
        }
    });
}

async fn refusal(uri: String) -> String {
    refused(uri).await.to_string()
}

async fn refused(uri: String) -> Error {
    let builder = MongoStore::builder(&uri).server_selection_timeout(std::time::Duration::from_millis(500));
    let error = builder.connect().await.expect_err("it will not do");
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    error
}

fn standalone() -> Document {
    doc! {
        "ok": 1.0, "isWritablePrimary": true, "helloOk": true, "minWireVersion": 0, "maxWireVersion": 17,
        "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
    }
}

#[tokio::test]
async fn a_standalone_server_is_refused_with_the_sentence_that_cures_it() {
    let address = server(standalone()).await;
    for uri in [format!("mongodb://{address}/app"), format!("mongodb://{address}/app?replicaSet=rs0")] {
        let said = refusal(uri).await;
        assert!(said.contains("mongod --replSet rs0") && said.contains("rs.initiate()"), "{said}");
    }
}

#[tokio::test]
async fn a_set_of_another_name_is_told() {
    let mut hello = standalone();
    hello.insert("setName", "rs7");
    let address = server(hello).await;
    let said = refusal(format!("mongodb://{address}/app?replicaSet=rs0")).await;
    assert!(said.contains("is named `rs7`, not `rs0`"), "{said}");
}

#[tokio::test]
async fn a_primary_that_has_just_stepped_down_is_waited_for_and_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut primary = standalone();
    primary.insert("setName", "rs0");
    primary.insert("hosts", vec![address.clone()]);
    primary.insert("logicalSessionTimeoutMinutes", 30);
    let mut secondary = primary.clone();
    secondary.insert("isWritablePrimary", false);
    secondary.insert("secondary", true);
    play(listener, primary, secondary);
    let error = refused(format!("mongodb://{address}/app?replicaSet=rs0")).await;
    assert!(error.is_retryable() && error.to_string().contains("stepped down"), "{error:?}");
    let error = refused(format!("mongodb://{address}/app?directConnection=true")).await;
    assert!(!error.is_retryable() && error.to_string().contains("without `directConnection=true`"), "{error:?}");
}
