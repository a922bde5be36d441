//! `slo-instrument` in a service of actix-web: a middleware on `Request`, `/metrics`, and `/slo` and `/slo.json`, which `slo top` reads.
//!
//! `cargo run -p actix-web-example`, then <http://127.0.0.1:8080/users/7>, `/metrics` and `/slo`.

mod counted;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Responder,
    http::header::{ACCEPT, ContentType},
    web,
};
use counted::Counted;
use slo_instrument::{Service, StatusReport, status_page};

async fn user(id: web::Path<u32>) -> impl Responder {
    if *id == 13 {
        return HttpResponse::InternalServerError().body("no such luck");
    }
    HttpResponse::Ok().body(format!("user {id}"))
}

async fn metrics(service: web::Data<Service>, request: HttpRequest) -> impl Responder {
    let accept = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let (content_type, body) = service.metrics_for(accept);
    HttpResponse::Ok().content_type(content_type).body(body)
}

async fn status(service: web::Data<Service>) -> impl Responder {
    let services = [service.get_ref().clone()];
    HttpResponse::Ok().content_type(ContentType::html()).body(status_page(&services))
}

async fn status_json(service: web::Data<Service>) -> impl Responder {
    web::Json(StatusReport::of(&[service.get_ref().clone()]))
}

/// The routes of the service; those that are for whoever keeps it alive are outside of what is counted.
fn routes(config: &mut web::ServiceConfig, service: &Service) {
    config
        .app_data(web::Data::new(service.clone()))
        .route("/metrics", web::get().to(metrics))
        .route("/slo", web::get().to(status))
        .route("/slo.json", web::get().to(status_json))
        .service(web::scope("").wrap(Counted(service.clone())).route("/users/{id}", web::get().to(user)));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder("users").availability("99.9%").latency("300ms", "99%").install()?;
    HttpServer::new(move || {
        let service = service.clone();
        App::new().configure(move |config| routes(config, &service))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{
        body::to_bytes,
        test::{TestRequest, call_service, init_service},
    };

    /// Successes and failures under their route, whatever the path is; and nobody counts the scrape.
    #[actix_web::test]
    async fn every_request_is_counted_once() {
        let service = Service::builder("users").availability("99.9%").install().unwrap();
        let app = init_service(App::new().configure(|config| routes(config, &service))).await;
        for uri in ["/users/7", "/users/8", "/users/13", "/users/none", "/nowhere/at/all"] {
            let response = call_service(&app, TestRequest::get().uri(uri).to_request()).await;
            // As a server does, to the end.
            to_bytes(response.into_body()).await.unwrap();
        }
        // A client that goes away before it has an answer.
        drop(call_service(&app, TestRequest::get().uri("/users/9").to_request()).await);
        let scrape = TestRequest::get().uri("/metrics").to_request();
        let scraped = to_bytes(call_service(&app, scrape).await.into_body()).await.unwrap();
        let text = String::from_utf8(scraped.to_vec()).unwrap();
        let count = |labels: &str| {
            let line = format!("http_server_request_duration_seconds_count{{{labels}}} ");
            text.lines().find_map(|text| text.strip_prefix(&line)?.parse::<u64>().ok())
        };
        let route = r#"http_request_method="GET",http_response_status_code="200",http_route="/users/{id}""#;
        // The body of the last one was never asked for: it was answered.
        assert_eq!(count(route), Some(3), "{text}");
        let failed = r#"error_type="500",http_request_method="GET",http_response_status_code="500",http_route="/users/{id}""#;
        assert_eq!(count(failed), Some(1), "{text}");
        let not_found =
            r#"http_request_method="GET",http_response_status_code="404",http_route="/users/{id}""#;
        assert_eq!(count(not_found), Some(1), "{text}");
        assert!(
            text.contains(r#"http_route="_unmatched"} 1"#) && !text.contains(r#"http_route="/metrics""#),
            "{text}"
        );
        assert_eq!(service.in_flight(), 0);
    }
}
